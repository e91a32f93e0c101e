import { SluiceError } from "../../../shared/domain/errors.ts";
import type { CallFailure } from "../../../shared/gateway/call-failure.ts";
import { type Candidate, type Candidates, createCandidates } from "../../../shared/gateway/candidates.ts";
import type { Hold } from "../../../shared/metering/metering.ts";
import type { Credential, Limitations, Provider } from "../../../shared/providers/provider.ts";
import { createLiveProvider } from "./live-provider.ts";
import { route } from "./memory-metering.ts";
import { credential } from "./start-gateway.ts";

export interface GivenCandidates
  extends Partial<Pick<Hold, "routes" | "keys" | "ownKeys" | "mayFallBack" | "coolingKeys">> {
  /** The providers that are known, and whether they have a key of the environment. */
  providers?: Record<string, boolean>;
  preferred?: string;
  findLimitations?: (provider: Provider, upstreamModel: string) => Limitations;
  now?: () => number;
  random?: () => number;
}

/** The one address of callers' own that is let through. */
export const allowedBaseUrl = "https://llm.example.com/v1";

/** Candidates of one request: those of one route and one key of the environment, but for what is given. */
export async function startCandidates(given: GivenCandidates = {}) {
  const opened = new Map<string, Credential>();
  const unopened: string[] = [];
  const providers = Object.entries(given.providers ?? { openai: true }).map(([name, hasKey]) => {
    const environmentKey = hasKey ? credential(`env:${name}`) : null;
    const { provider } = createLiveProvider();
    const configured = { provider, baseUrl: "https://api.example.com", environmentKey, keyPrefix: null };
    const at = (baseUrl: string) => (baseUrl === allowedBaseUrl ? createLiveProvider().provider : null);
    return [name, { ...configured, at }] as const;
  });
  const candidates = await createCandidates({
    hold: {
      ...{ routes: [route()], keys: [], ownKeys: [], mayFallBack: false, coolingKeys: new Map() },
      ...given,
    },
    providers: new Map(providers),
    // One object a key, as adapters know keys by their identity.
    async openKey({ id, sealedKey, userId }) {
      if (!sealedKey.startsWith("sealed")) throw new Error("does not open");
      const key = opened.get(id) ?? credential(`${userId === null ? "key" : "byok"}:${id}`);
      opened.set(id, key);
      return key;
    },
    onSealedKey: (keyId) => void unopened.push(keyId),
    preferred: given.preferred,
    findLimitations: given.findLimitations ?? (() => ({ dropped: [], refused: null })),
    now: given.now ?? (() => 0),
    random: given.random ?? (() => 0.5),
  });
  return { candidates, unopened };
}

/** A failure of a call. */
export const failure = (kind: CallFailure["kind"], retryAfterMs?: number): CallFailure => ({
  kind,
  error: new SluiceError("provider_failed"),
  retryAfterMs,
});

/** `<route> <key>` of a candidate. */
export const nameOf = ({ route, credential }: Candidate) => `${route.id} ${credential.id}`;

/** Who is left, in the order of trying, with how long each would be waited for. Uses the candidates up. */
export function drain(candidates: Candidates): string[] {
  const names: string[] = [];
  for (let next = candidates.next(); next !== null; next = candidates.next()) {
    names.push(next.waitMs === 0 ? nameOf(next.candidate) : `${nameOf(next.candidate)} in ${next.waitMs} ms`);
    candidates.failed(next.candidate, failure("permission"));
  }
  return names;
}

/** Numbers from 0 up to 1 that look random and are the same in each run. */
export function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return state / 2 ** 32;
  };
}
