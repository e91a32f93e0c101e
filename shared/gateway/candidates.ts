import { SluiceError } from "../domain/errors.ts";
import type { SealedKey } from "../domain/sealed-key.ts";
import type { Hold, Route } from "../metering/metering.ts";
import type { Credential, Limitations, Provider } from "../providers/provider.ts";
import type { ConfiguredProvider, ProviderRegistry } from "../providers/registry.ts";
import type { CallFailure } from "./call-failure.ts";
import { cooldownId } from "./health.ts";
import { orderKeys } from "./order-keys.ts";

/** One way to call a provider: a route and a key for it. */
export interface Candidate {
  route: Route;
  provider: Provider;
  credential: Credential;
  source: "environment" | "pool" | "byok";
  limitations: Limitations;
}

/** A key, and who is called with it. */
type OpenedKey = Pick<Candidate, "provider" | "credential" | "source">;

/** Who may still be called for one request. */
export interface Candidates {
  /**
   * The next to be called, and how long to wait before, in milliseconds.
   * @returns null when nobody is left, or none is ready within ten seconds
   */
  next(): { candidate: Candidate; waitMs: number } | null;
  /** What is told where nobody could be called. */
  readonly unavailable: SluiceError;
  /** Takes down that a call failed: whom it makes no sense to ask again, and whom not at once. */
  failed(candidate: Candidate, failure: CallFailure): void;
}

/** Opens a key that is stored. Rejects where it cannot be opened. */
export type OpenKey = (sealed: SealedKey) => Promise<Credential>;

interface CandidatesOptions {
  hold: Pick<Hold, "routes" | "keys" | "ownKeys" | "mayFallBack" | "coolingKeys">;
  providers: ProviderRegistry;
  openKey: OpenKey;
  /** A key that is stored cannot be opened: somebody has to look after it. */
  onSealedKey(keyId: string, error: unknown): void;
  /** The provider whose routes go first; none where absent. */
  preferred: string | undefined;
  findLimitations(provider: Provider, upstreamModel: string): Limitations;
  /** Milliseconds. */
  now(): number;
  /** From 0 up to 1. */
  random(): number;
}

/** Nobody waits longer for a provider that has asked for patience. */
const longestWaitMs = 10_000;
const firstBackoffMs = 500;

/**
 * Puts routes and keys in the order of trying.
 * @throws SluiceError unsupported_parameter, naming the field, where every route refuses the request
 */
export async function createCandidates(options: CandidatesOptions): Promise<Candidates> {
  const { hold, now, random } = options;
  interface Entry {
    candidate: Candidate;
    readyAtMs: number;
    failures: number;
  }
  let entries: Entry[] = [];
  let refusal: SluiceError | null = null;
  // Own keys are not waited for, and not asked again, where the platform's may take over.
  const patienceMs = hold.mayFallBack ? 0 : longestWaitMs;
  const keysOf = new Map<string, OpenedKey[]>();
  for (const route of orderRoutes(hold.routes, options.preferred, random)) {
    const configured = options.providers.get(route.provider);
    if (configured === undefined) continue;
    const keys = keysOf.get(route.provider) ?? (await findKeys(route.provider, configured));
    keysOf.set(route.provider, keys);
    // A route that cannot be taken has no say in why the request is refused.
    if (keys.length === 0) continue;
    const limitations = options.findLimitations(configured.provider, route.upstreamModel);
    if (limitations.refused !== null) {
      refusal ??= toRefusal(limitations.refused, limitations.remedy);
      continue;
    }
    for (const key of keys) {
      const candidate = { route, ...key, limitations };
      const { credential } = key;
      const waits = [credential.id, cooldownId("quota", candidate)].map((id) => hold.coolingKeys.get(id));
      if (waits.includes(null)) continue;
      const waitMs = Math.max(0, ...waits.map((ms) => ms ?? 0));
      if (waitMs > patienceMs) continue;
      entries.push({ candidate, readyAtMs: now() + waitMs, failures: 0 });
    }
  }

  if (entries.length === 0 && refusal !== null) throw refusal;

  /** The caller's own, where they are to be used; otherwise the key of the environment, then those of the pool. */
  async function findKeys(name: string, { provider, environmentKey, at }: ConfiguredProvider) {
    const keys: OpenedKey[] = [];
    if (hold.ownKeys.length > 0) {
      for (const { sealed, credential } of await openAll(
        hold.ownKeys.filter((key) => key.provider === name),
      )) {
        // Null where callers may have no addresses of their own any more.
        const called = sealed.baseUrl === null ? provider : at(sealed.baseUrl);
        if (called !== null) keys.push({ provider: called, credential, source: "byok" });
      }
      return keys;
    }
    if (environmentKey) keys.push({ provider, credential: environmentKey, source: "environment" });
    const pool = orderKeys(
      hold.keys.filter((key) => key.provider === name),
      random,
    );
    for (const { credential } of await openAll(pool)) keys.push({ provider, credential, source: "pool" });
    return keys;
  }

  async function openAll(keys: SealedKey[]) {
    const opened = await Promise.all(
      keys.map(async (sealed) => {
        try {
          return [{ sealed, credential: await options.openKey(sealed) }];
        } catch (error) {
          options.onSealedKey(sealed.id, error);
          return [];
        }
      }),
    );
    return opened.flat();
  }

  const drop = (isOut: (candidate: Candidate) => boolean) => {
    entries = entries.filter(({ candidate }) => !isOut(candidate));
  };

  return {
    unavailable: new SluiceError(hold.ownKeys.length > 0 ? "own_key_unavailable" : "model_unavailable"),

    next() {
      const time = now();
      const ready = entries.find(({ readyAtMs }) => readyAtMs <= time);
      if (ready !== undefined) return { candidate: ready.candidate, waitMs: 0 };
      const [soonest] = entries.toSorted((a, b) => a.readyAtMs - b.readyAtMs);
      if (soonest === undefined || soonest.readyAtMs > time + longestWaitMs) return null;
      return { candidate: soonest.candidate, waitMs: soonest.readyAtMs - time };
    },

    failed(failing, { kind, retryAfterMs = 0 }) {
      const { route, credential } = failing;
      switch (kind) {
        case "invalid_request":
        case "content_policy":
        case "final":
          entries = [];
          break;
        case "context_length":
          drop((candidate) => candidate.route.contextTokens <= route.contextTokens);
          break;
        case "credential":
        case "quota":
          drop((candidate) => candidate.credential === credential);
          break;
        case "permission":
          drop((candidate) => candidate === failing);
          break;
        // What broke off was paid for: another route may do better, and this one is not paid again and again.
        case "interrupted":
        case "silent":
          drop((candidate) => candidate.route === route);
          break;
        default: {
          if (hold.mayFallBack) return drop((candidate) => candidate === failing);
          const entry = entries.find(({ candidate }) => candidate === failing);
          if (entry === undefined) return;
          const backoffMs = firstBackoffMs * 2 ** entry.failures++ * (0.8 + 0.4 * random());
          entry.readyAtMs = now() + Math.max(retryAfterMs, backoffMs);
        }
      }
    },
  };
}

function toRefusal(param: string, remedy: string | undefined): SluiceError {
  return new SluiceError("unsupported_parameter", {
    param,
    ...(remedy === undefined ? {} : { message: remedy }),
  });
}

/**
 * Routes in the order of trying: the preferred provider's first, then by rank. Those of one rank are drawn by lot with their weights
 * (Efraimidis and Spirakis, "Weighted random sampling with a reservoir", 2006). A route that is out comes last: it is better than none. One
 * that this request is to probe is drawn at once: nobody else tries it.
 */
export function orderRoutes(routes: Route[], preferred: string | undefined, random: () => number): Route[] {
  return routes
    .map((route) => ({
      route,
      isOut: route.outage === "lasting",
      isOther: route.provider !== preferred,
      lot: route.outage === "probe" ? 0 : -Math.log(1 - random()) / route.weight,
    }))
    .sort(
      (a, b) =>
        Number(a.isOut) - Number(b.isOut) ||
        Number(a.isOther) - Number(b.isOther) ||
        a.route.rank - b.route.rank ||
        a.lot - b.lot,
    )
    .map(({ route }) => route);
}
