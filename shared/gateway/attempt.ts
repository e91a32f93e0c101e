import type { AnswerPart, ServedBy } from "../domain/chat-event.ts";
import type { ChatMessage } from "../domain/chat-message.ts";
import type { ChatOptions } from "../domain/chat-request.ts";
import { SluiceError } from "../domain/errors.ts";
import type { PartialUsage } from "../domain/usage.ts";
import type { Charge } from "../metering/metering.ts";
import { ProviderError, type ProviderEvent } from "../providers/provider.ts";
import { type Answer, createAnswer } from "./answer.ts";
import type { ProviderCall } from "./attempts.ts";
import { billed, type CallFailure, readFailure } from "./call-failure.ts";
import type { Candidate } from "./candidates.ts";
import { createWatch, type TimeLimits } from "./watch.ts";

/** One call of a provider: waited for, then read to its end. */
export interface Attempt extends ProviderCall {
  readonly served: ServedBy;
  readonly number: number;
  readonly candidate: Candidate;
  /** Reads to the end. Returns why the answer broke off, or null when it is complete. */
  read(onParts: (parts: AnswerPart[]) => void): Promise<CallFailure | null>;
  readonly answer: Answer;
}

interface AttemptOptions {
  messages: ChatMessage[];
  options: Omit<ChatOptions, "maxTokens">;
  maxOutputTokens: number;
  /** Whether somebody wants the answer piece by piece. */
  stream: boolean;
  candidate: Candidate;
  served: ServedBy;
  /** Which provider call of the chat this is, from 1. */
  number: number;
  limits: TimeLimits;
  /** When the chat has to end, in milliseconds of `now`. */
  deadline: number;
  now(): number;
}

/**
 * Up to this many tokens an answer that nobody wants piece by piece is fetched whole, which costs a fraction of reading a stream:
 * it is given the time of a first token and of a gap, in which even a very slow model (about 5 tokens a second) writes them. Longer
 * ones are read as a stream in any case, so that a silent provider is told from a busy one and what arrived before a failure is
 * kept.
 */
const wholeAnswerTokens = 256;

/** Calls a provider. */
export function createAttempt(attempt: AttemptOptions): Attempt {
  const { candidate, limits, maxOutputTokens } = attempt;
  const isByok = candidate.source === "byok";
  const answer = createAnswer();
  const isWhole = !attempt.stream && maxOutputTokens <= wholeAnswerTokens;
  const firstTokenMs = limits.firstTokenMs + (isWhole ? limits.gapMs : 0);
  const watch = createWatch({ ...attempt, limits: { ...limits, firstTokenMs } });
  const events = callProvider();
  let first: IteratorResult<ProviderEvent[]> | null = null;
  let isBilled = false;
  /** What the provider told before it broke off. */
  let partialUsage: PartialUsage | null = null;

  function callProvider(): AsyncIterator<ProviderEvent[]> {
    const call = candidate.provider.chat({
      upstreamModel: candidate.route.upstreamModel,
      messages: attempt.messages,
      maxOutputTokens,
      options: attempt.options,
      stream: !isWhole,
      credential: candidate.credential,
      signal: watch.signal,
    });
    return call[Symbol.asyncIterator]();
  }

  function fail(thrown: unknown): unknown {
    watch.stop();
    if (thrown instanceof ProviderError) partialUsage = thrown.usage ?? null;
    return watch.signal.aborted ? watch.signal.reason : thrown;
  }

  return {
    served: attempt.served,
    number: attempt.number,
    candidate,

    async open() {
      try {
        first = await events.next();
        if (first.done) throw new ProviderError("interrupted", "the answer is empty");
        isBilled = true;
        watch.touch();
        return null;
      } catch (thrown) {
        const error = fail(thrown);
        // Before its first token a provider bills nothing, unless it says so; but a whole answer that breaks off has been written.
        const isCutWhole = isWhole && isCut(thrown, error);
        isBilled = isCutWhole || partialUsage !== null;
        const failure = readFailure(error, isCutWhole, isByok);
        // What broke off before it began and costs nothing is like no answer.
        if (!isBilled) return failure.kind === "interrupted" ? { ...failure, kind: "unavailable" } : failure;
        return billed(failure);
      }
    },

    async read(onParts) {
      try {
        for (let read = first; read !== null && !read.done; read = await events.next()) {
          watch.touch();
          const parts = answer.add(read.value);
          if (parts.length > 0) onParts(parts);
        }
        if (answer.finish === null) throw new ProviderError("interrupted", "the answer has no finish");
        watch.stop();
        return null;
      } catch (thrown) {
        const error = fail(thrown);
        events.return?.()?.catch(() => {});
        // What comes after the finish can break nothing.
        if (answer.finish !== null) return null;
        return readFailure(error, true, isByok);
      }
    },

    answer,

    charges(): Charge[] {
      if (!isBilled) return [];
      return [
        {
          attempt: attempt.number,
          priceId: candidate.route.priceId,
          outcome: answer.finish === null ? "interrupted" : "completed",
          usage: answer.finish?.usage ?? partialUsage,
          outputBytes: answer.countBytes(),
          credentialId: candidate.credential.id,
        },
      ];
    },

    end: watch.end,
  };
}

/** Whether a whole answer had begun to arrive, or was being written when the worker had to stop. */
function isCut(thrown: unknown, error: unknown): boolean {
  if (thrown instanceof ProviderError && thrown.failure === "interrupted") return true;
  return error instanceof SluiceError && error.code === "shutting_down";
}
