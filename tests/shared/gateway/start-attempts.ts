import { SluiceError } from "../../../shared/domain/errors.ts";
import { createAttempts, type ProviderCall } from "../../../shared/gateway/attempts.ts";
import type { CallFailure } from "../../../shared/gateway/call-failure.ts";
import type { Candidate } from "../../../shared/gateway/candidates.ts";
import { createHealth } from "../../../shared/gateway/health.ts";
import { beginRequest, charge, createMemoryMetering } from "./memory-metering.ts";
import { type GivenCandidates, nameOf, startCandidates } from "./start-candidates.ts";

/** What becomes of a call: an answer, a failure, or nothing until it is ended. */
export type Outcome = CallFailure | "answer" | "nothing";

interface Made extends ProviderCall {
  name: string;
  number: number;
  /** From the beginning. */
  atMs: number;
  /** Ends it, where nothing has come of it yet. */
  fail(failure: CallFailure): void;
  /** What it is given for the beginning of its answer. */
  withinMs: number;
}

interface Given extends GivenCandidates {
  deadlineMs?: number;
  /** The numbers of the calls that cost money. */
  billed?: number[];
}

/** Attempts with candidates like those of a gateway, whose calls turn out as given, and metering in memory. The clock is `Date.now`. */
export async function startAttempts(outcomes: Outcome[], given: Given = {}) {
  const { deadlineMs = 180_000, billed = [], ...rest } = given;
  const startedAt = Date.now();
  const memory = createMemoryMetering();
  memory.place(beginRequest());
  const { candidates } = await startCandidates({ now: Date.now, ...rest });
  const made: Made[] = [];
  const ended: { number: number; code: string }[] = [];
  const failed: string[] = [];
  const attempts = createAttempts<Made>({
    holdId: "hold-1",
    candidates,
    before: { calls: 0, health: createHealth(Date.now) },
    metering: memory.metering,
    call(candidate, number, withinMs) {
      const call = createCall(candidate, number, withinMs);
      made.push(call);
      return call;
    },
    observer: {
      callFailed: ({ attempt, upstreamModel, credentialId, error }) =>
        void failed.push(`${attempt}: ${upstreamModel} with ${credentialId}: ${error.code}`),
    },
    deadline: startedAt + deadlineMs,
    now: Date.now,
  });

  function createCall(candidate: Candidate, number: number, withinMs: number): Made {
    const over = Promise.withResolvers<CallFailure>();
    return {
      candidate,
      name: nameOf(candidate),
      number,
      atMs: Date.now() - startedAt,
      withinMs,
      async open() {
        const outcome = outcomes.shift() ?? "answer";
        if (outcome === "nothing") return over.promise;
        return outcome === "answer" ? null : outcome;
      },
      charges: () => (billed.includes(number) ? [charge({ attempt: number, outputBytes: 8 })] : []),
      fail: over.resolve,
      end(error) {
        ended.push({ number, code: error.code });
        over.resolve({ kind: "final", error, retryAfterMs: undefined });
      },
    };
  }

  return { attempts, memory, made, ended, failed };
}

/** The end of the worker. */
export const shutdown = new SluiceError("shutting_down");
