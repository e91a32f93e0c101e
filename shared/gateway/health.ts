import type { HealthReport } from "../metering/metering.ts";
import type { CallFailure } from "./call-failure.ts";
import type { Candidate } from "./candidates.ts";

/** What one request learns of routes and keys. */
export interface Health {
  failed(candidate: Candidate, failure: CallFailure): void;
  reached(candidate: Candidate): void;
  /** For those who come after; undefined when there is nothing to tell. */
  report(): HealthReport | undefined;
}

type KeyReport = HealthReport["keyReports"][number];

/** What is to be left alone: a key that is not accepted; otherwise the key for this model, because providers count each model's calls. */
export function cooldownId(reason: KeyReport["reason"], { route, credential }: Candidate): string {
  return reason === "credential" ? credential.id : `${credential.id}/${route.upstreamModel}`;
}

/**
 * Nothing learned yet.
 * @param now milliseconds
 */
export function createHealth(now: () => number): Health {
  const failedRoutes = new Set<number>();
  const reachedRoutes = new Set<number>();
  const keyReports = new Map<string, KeyReport & { atMs: number }>();

  /** What is left of a wait: the answer of somebody else may have taken longer. */
  function listKeyReports(): KeyReport[] {
    return [...keyReports.values()].flatMap(({ atMs, ...report }) => {
      if (report.reason !== "rate_limited" || report.waitMs === undefined) return [report];
      const waitMs = report.waitMs - (now() - atMs);
      return waitMs > 0 ? [{ ...report, waitMs }] : [];
    });
  }

  return {
    failed(candidate, { kind, retryAfterMs }) {
      const { route } = candidate;
      switch (kind) {
        case "credential":
        case "quota":
        case "rate_limited":
          keyReports.set(cooldownId(kind, candidate), {
            keyId: cooldownId(kind, candidate),
            provider: route.provider,
            reason: kind,
            waitMs: retryAfterMs,
            atMs: now(),
          });
          break;
        case "silent":
        case "unavailable":
        case "interrupted":
          // What is called with somebody's own key may be somebody's own server: it says nothing of the route for others.
          if (candidate.source !== "byok") failedRoutes.add(route.id);
          break;
        default:
        // The request's fault, or ours.
      }
    },

    reached(candidate) {
      const { route, credential } = candidate;
      failedRoutes.delete(route.id);
      keyReports.delete(credential.id);
      keyReports.delete(cooldownId("quota", candidate));
      if (route.outage !== "none" && candidate.source !== "byok") reachedRoutes.add(route.id);
    },

    report() {
      const keys = listKeyReports();
      if (failedRoutes.size + reachedRoutes.size + keys.length === 0) return undefined;
      return { failedRoutes: [...failedRoutes], reachedRoutes: [...reachedRoutes], keyReports: keys };
    },
  };
}
