import { daySeconds } from "../calendar.ts";
import type { Clock } from "../clock.ts";
import { Refusal } from "../refusal.ts";
import type { State } from "../state.ts";

const most = 10_000;

export interface Reply {
  status: number;
  body: unknown;
  /** Whether the same request is answered so again: what was wrong or failed may be tried anew. */
  isFinal: boolean;
  isReplayed?: boolean;
}

/** Sees to it that a request with an idempotency key is carried out once: it is answered the same for a day. */
export function createIdempotency(state: State, clock: Clock) {
  const inFlight = new Set<string>();

  return async function once(
    key: string | undefined,
    request: string,
    work: () => Promise<Reply>,
  ): Promise<Reply> {
    if (key === undefined) return work();
    const kept = state.answers.get(key);
    if (kept && clock.now() - kept.at < daySeconds) {
      if (kept.request === request) return { ...kept, isFinal: true, isReplayed: true };
      throw new Refusal(400, {
        type: "idempotency_error",
        message: `Keys for idempotent requests can only be used with the same parameters they were first used with. Try using a key other than '${key}' if you meant to execute a different request.`,
      });
    }
    if (inFlight.has(key))
      throw new Refusal(409, {
        type: "idempotency_error",
        code: "idempotency_key_in_use",
        message: `There is currently another in-progress request using this Stripe API key and the idempotency key '${key}'.`,
      });
    inFlight.add(key);
    try {
      const reply = await work();
      if (reply.isFinal) keep(key, request, reply);
      return reply;
    } finally {
      inFlight.delete(key);
    }
  };

  function keep(key: string, request: string, { status, body }: Reply): void {
    state.answers.delete(key);
    state.answers.set(key, { request, status, body, at: clock.now() });
    const [oldest] = state.answers.keys();
    if (state.answers.size > most && oldest !== undefined) state.answers.delete(oldest);
  }
}
