import { describeCause } from "../domain/describe-cause.ts";
import type { SluiceError } from "../domain/errors.ts";
import type { Usage } from "../domain/usage.ts";

/** Writes one line. */
export type WriteLog = (line: string) => void;

/** Phases of a request in the order in which they end; each lasts from the end of the one before. */
export type Phase = "auth" | "begin" | "first_token" | "settle";

/** What a log line may hold besides times. No prompt, no answer, no key: what is not here is not logged. */
interface Fields {
  status: number;
  /** The code of the error, where there is one. */
  code: string;
  /** Why it failed, for us: never a prompt, never a key. */
  cause: string;
  userId: string;
  model: string;
  provider: string;
  credential: string | undefined;
  attempts: number;
  stream: boolean;
  clientLeft: boolean;
  usage: Usage;
  costNano: number;
  estimated: boolean;
  /** What Stripe sent, and what became of it. */
  stripeEvent: { id: string; type: string; outcome: string };
  /** Only where it is false: the messages could not be added to the conversation. */
  isStored: boolean;
}

/** The one structured line of a request. */
export interface RequestLog {
  readonly requestId: string;
  note(fields: Partial<Fields>): void;
  /** Notes the error that a caller is told, with its cause, which a caller is not. */
  fail(error: SluiceError): void;
  mark(phase: Phase): void;
  /** Another function writes the line later: when the work is over and not when the response begins. */
  defer(): void;
  readonly isDeferred: boolean;
  /** The times so far as a `Server-Timing` header: milliseconds. */
  serverTiming(): string;
  write(): void;
}

interface RequestLogOptions {
  requestId: string;
  method: string;
  path: string;
  /** Milliseconds of a monotonic clock. */
  now(): number;
  write: WriteLog;
}

/** Starts the line, and the clock, of a request. */
export function createRequestLog({ requestId, method, path, now, write }: RequestLogOptions): RequestLog {
  const startedAt = now();
  let phaseStartedAt = startedAt;
  const times: Partial<Record<Phase, number>> = {};
  const fields: Partial<Fields> = {};
  let isDeferred = false;
  const round = (ms: number) => Math.round(ms * 100) / 100;
  const readTimes = () => ({ ...times, total: round(now() - startedAt) });

  return {
    requestId,
    note: (noted) => void Object.assign(fields, noted),
    fail({ code, cause }) {
      Object.assign(fields, { code, ...(cause === undefined ? {} : { cause: describeCause(cause) }) });
    },
    mark(phase) {
      const time = now();
      // Where own keys give way there are two of some.
      times[phase] = round((times[phase] ?? 0) + time - phaseStartedAt);
      phaseStartedAt = time;
    },
    defer() {
      isDeferred = true;
    },
    get isDeferred() {
      return isDeferred;
    },
    serverTiming: () =>
      Object.entries(readTimes())
        .map(([phase, ms]) => `${phase};dur=${ms}`)
        .join(", "),
    write: () =>
      write(JSON.stringify({ event: "request", requestId, method, path, ...fields, timesMs: readTimes() })),
  };
}
