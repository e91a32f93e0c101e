import type { ChatRequest } from "../domain/chat-request.ts";
import { SluiceError } from "../domain/errors.ts";
import type { Charge, Hold, Route } from "../metering/metering.ts";
import { ProviderError, type ProviderEvent } from "../providers/provider.ts";
import type { ConfiguredProvider } from "../providers/registry.ts";
import { type Answer, type AnswerPart, createAnswer } from "./answer.ts";
import { interruptedError, refusedError } from "./provider-failure.ts";
import { createWatch, type TimeLimits } from "./watch.ts";

/** One call of a provider: waited for, then read to its end. */
export interface Attempt {
  /** Waits for the provider's first event. Returns why there is none, or null. */
  open(): Promise<SluiceError | null>;
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

/** Calls the provider of a route. */
export function createAttempt(options: AttemptOptions): Attempt {
  const { request, hold, route, configured, limits } = options;
  const answer = createAnswer();
  const isWhole = !request.stream && hold.maxOutputTokens <= wholeAnswerTokens;
  const firstTokenMs = limits.firstTokenMs + (isWhole ? limits.gapMs : 0);
  const watch = createWatch({ ...options, limits: { ...limits, firstTokenMs } });
  const events = callProvider();
  let first: IteratorResult<ProviderEvent[]> | null = null;
  let isBilled = false;

  function callProvider(): AsyncIterator<ProviderEvent[]> {
    const { maxTokens: _, ...providerOptions } = request.options;
    const { provider, credential } = configured;
    const messages = [...hold.history, ...request.messages];
    const call = provider.chat({
      upstreamModel: route.upstreamModel,
      messages,
      maxOutputTokens: hold.maxOutputTokens,
      options: providerOptions,
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
        return null;
      } catch (thrown) {
        watch.stop();
        const error: unknown = watch.signal.aborted ? watch.signal.reason : thrown;
        // Before its first token a provider bills nothing, but a whole answer that breaks off, or that we cut, has been written.
        isBilled = isWhole && isCut(error);
        return isBilled ? interruptedError(error) : refusedError(error);
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
              attempt: options.number,
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

function isCut(error: unknown): boolean {
  if (error instanceof ProviderError) return error.failure === "interrupted";
  return error instanceof SluiceError && error.code === "shutting_down";
}
