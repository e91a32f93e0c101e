import type { ChatRequest } from "../domain/chat-request.ts";
import type { SluiceError } from "../domain/errors.ts";
import type { Charge, Hold, Route } from "../metering/metering.ts";
import { ProviderError, type ProviderEvent } from "../providers/provider.ts";
import type { ConfiguredProvider } from "../providers/registry.ts";
import { type Answer, type AnswerPart, createAnswer } from "./answer.ts";
import { interruptedError, refusedError } from "./provider-failure.ts";
import { createWatch, type TimeLimits } from "./watch.ts";

/** One call of a provider: waited for, then read to its end. */
export interface Attempt {
  /**
   * Waits for the provider's first event.
   * @throws SluiceError when there is none
   */
  open(): Promise<void>;
  /** Reads to the end. Returns why the answer broke off, or null when it is complete. */
  read(onParts: (parts: AnswerPart[]) => void): Promise<SluiceError | null>;
  readonly answer: Answer;
  /** What the call costs as it stands; empty while the provider bills nothing. */
  charges(): Charge[];
  /** Ends the call for a reason of ours. */
  end(error: SluiceError): void;
}

interface AttemptOptions {
  request: ChatRequest;
  hold: Hold;
  route: Route;
  configured: ConfiguredProvider;
  limits: TimeLimits;
  /** Milliseconds of a monotonic clock. */
  now(): number;
}

/**
 * Up to this many tokens an answer that nobody wants piece by piece is fetched whole, which costs a fraction of reading a stream:
 * even a slow model (25 tokens a second) writes them in the time that a first token may take. Longer ones are read as a stream
 * in any case, so that a silent provider is told from a busy one and what arrived before a failure is kept.
 */
const wholeAnswerTokens = 512;

/** Calls the provider of a route. The first attempt of a hold is number 1. */
export function createAttempt({ request, hold, route, configured, limits, now }: AttemptOptions): Attempt {
  const watch = createWatch(limits, now);
  const answer = createAnswer();
  const isWhole = !request.stream && hold.maxOutputTokens <= wholeAnswerTokens;
  const events = callProvider();
  let first: IteratorResult<ProviderEvent[]> | null = null;
  let isBilled = false;

  function callProvider(): AsyncIterator<ProviderEvent[]> {
    const { maxTokens: _, ...options } = request.options;
    const { provider, credential } = configured;
    const messages = [...hold.history, ...request.messages];
    const call = provider.chat({
      upstreamModel: route.upstreamModel,
      messages,
      maxOutputTokens: hold.maxOutputTokens,
      options,
      stream: !isWhole,
      credential,
      signal: watch.signal,
    });
    return call[Symbol.asyncIterator]();
  }

  return {
    async open() {
      try {
        first = await events.next();
        if (first.done) throw new ProviderError("interrupted", "the answer is empty");
        isBilled = true;
        watch.touch();
      } catch (thrown) {
        watch.stop();
        if (watch.signal.aborted) throw refusedError(watch.signal.reason);
        // Before its first token a provider bills nothing, but a whole answer that breaks off has been written.
        isBilled = isWhole && thrown instanceof ProviderError && thrown.failure === "interrupted";
        throw isBilled ? interruptedError(thrown) : refusedError(thrown);
      }
    },

    async read(onParts) {
      try {
        for (let read = first; read !== null && !read.done; read = await events.next()) {
          watch.touch();
          onParts(answer.add(read.value));
        }
        if (answer.finish === null) throw new ProviderError("interrupted", "the answer has no finish");
        return null;
      } catch (thrown) {
        events.return?.()?.catch(() => {});
        return interruptedError(watch.signal.aborted ? watch.signal.reason : thrown);
      } finally {
        watch.stop();
      }
    },

    answer,

    charges: () =>
      isBilled
        ? [
            {
              attempt: 1,
              priceId: route.priceId,
              outcome: answer.finish === null ? "interrupted" : "completed",
              usage: answer.finish?.usage ?? null,
              outputBytes: answer.countBytes(),
            },
          ]
        : [],

    end: watch.end,
  };
}
