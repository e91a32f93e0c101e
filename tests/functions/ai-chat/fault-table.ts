import { expect } from "vitest";
import type { Call } from "../../../local/simulator/call-record.ts";
import type { ErrorCode } from "../../../shared/domain/error-table.ts";
import type { RouteOptions } from "../../support/test-models.ts";

/** A minute of the providers is twelve seconds of these tests. */
export const timeScale = 1 / 5;
const scaled = (ms: number) => ms * timeScale;

/** The limits of the service, scaled. */
export const scaledLimits = {
  CHAT_FIRST_TOKEN_MS: String(scaled(20_000)),
  CHAT_GAP_MS: String(scaled(30_000)),
};

/** How a chat has to end, and after how many provider calls: answered by the first or the second route, or with an error. */
export type Ending = { calls: number } & (
  | { by: 1 | 2; restarts?: number }
  /** `begun`: after the first words, so in the stream itself. */
  | { error: ErrorCode; begun?: boolean }
);

export interface Fault {
  fault: string;
  /** The pass condition. */
  passes: string;
  /** What the first route does, in commands of the simulator. */
  first: string;
  /** Whether it is about the bytes of an answer: then it has to pass with each format on the first route. */
  isOfFormat?: boolean;
  /** Whether it does so in its first call only. */
  once?: boolean;
  /** What the second route does, which is another provider's and speaks another format; none where absent. */
  second?: Pick<RouteOptions, "simulate" | "contextTokens">;
  firstTokenMs?: number;
  /** The first route's, where the fault is about it. */
  contextTokens?: number;
  ends: Ending;
  /** A plain OpenAI stream has no word for beginning again. */
  openaiEnds?: Ending;
  check?(calls: Call[]): void;
}

const answering = { simulate: "tokens=60" };

/** From when the provider was asked until it was done with, or left. */
function durationMs(call: Call | undefined): number {
  return Date.parse(String(call?.endedAt)) - Date.parse(String(call?.startedAt));
}

function startMs(call: Call | undefined): number {
  return Date.parse(String(call?.startedAt));
}

export const faults: Fault[] = [
  {
    fault: "429 with Retry-After 2 s",
    passes: "it is asked again after at least 1.8 s, and answers",
    first: "status=429;retryafter=2;tokens=60",
    once: true,
    ends: { by: 1, calls: 2 },
    check: ([first, second]) => expect(startMs(second) - startMs(first)).toBeGreaterThanOrEqual(1800),
  },
  {
    fault: "429 for ever",
    passes: "at most 6 tries, at most 4 of them in 3 s, then an error that says to wait",
    first: "status=429;retryafter=0",
    ends: { error: "provider_busy", calls: 6 },
    check: (calls) =>
      expect(calls.filter((call) => startMs(call) < startMs(calls[0]) + 3000).length).toBeLessThanOrEqual(4),
  },
  {
    fault: "500 once",
    passes: "it is asked again, and answers",
    first: "status=500;tokens=60",
    once: true,
    ends: { by: 1, calls: 2 },
  },
  {
    fault: "503 for ever",
    passes: "the next route answers at once",
    first: "status=503",
    second: answering,
    ends: { by: 2, calls: 2 },
  },
  {
    fault: "reset before headers",
    passes: "the next route answers",
    first: "reset",
    second: answering,
    ends: { by: 2, calls: 2 },
  },
  {
    fault: "reset before headers",
    passes: "without another route it is asked again, and answers",
    first: "reset;tokens=60",
    once: true,
    ends: { by: 1, calls: 2 },
  },
  {
    fault: "silence for 120 s",
    passes: "ended by 100 s: one try, then the next route answers",
    first: "silent",
    second: answering,
    ends: { by: 2, calls: 2 },
    check: ([first]) => expect(durationMs(first)).toBeLessThan(scaled(100_000)),
  },
  {
    fault: "silence for 120 s",
    passes: "without another route one try, then an error by 100 s",
    first: "headers=early;silent",
    ends: { error: "provider_timeout", calls: 1 },
    check: ([first]) => expect(durationMs(first)).toBeLessThan(scaled(100_000)),
  },
  {
    fault: "first token after 20 s",
    passes: "the next route answers",
    first: `first=${scaled(40_000)};tokens=60`,
    second: answering,
    ends: { by: 2, calls: 2 },
  },
  {
    fault: "first token after 20 s",
    passes: "of a model that is known to think so long it is waited for",
    first: `first=${scaled(25_000)};tokens=60`,
    second: answering,
    firstTokenMs: scaled(100_000),
    ends: { by: 1, calls: 1 },
  },
  ...["cut=40", "end=40", "error=40"].map((ending) => ({
    fault: "cut after 40 of 60 tokens with no end",
    passes: `the next route answers, or a clean error (${ending})`,
    first: `${ending};tokens=60`,
    isOfFormat: true,
    second: answering,
    ends: { by: 2, calls: 2, restarts: 1 } as const,
    openaiEnds: { error: "provider_interrupted", begun: true, calls: 1 } as const,
  })),
  {
    fault: "cut after 40 of 60 tokens with no end",
    passes: "without another route a clean error",
    first: "cut=40;tokens=60",
    ends: { error: "provider_interrupted", begun: true, calls: 1 },
  },
  {
    fault: "stall of 30 s after 20 tokens",
    passes: "ended by 45 s: the next route answers, or a clean error",
    first: "stall=20;tokens=60",
    second: answering,
    ends: { by: 2, calls: 2, restarts: 1 },
    openaiEnds: { error: "provider_interrupted", begun: true, calls: 1 },
    check: ([first]) => expect(durationMs(first)).toBeLessThan(scaled(45_000)),
  },
  {
    fault: "one malformed chunk",
    passes: "it is skipped, and the answer is complete",
    first: "malformed=20;tokens=60",
    isOfFormat: true,
    second: answering,
    ends: { by: 1, calls: 1 },
  },
  {
    fault: "no [DONE]",
    passes: "finished in 8 s, and the usage is kept",
    first: "done=none;tokens=60",
    isOfFormat: true,
    second: answering,
    ends: { by: 1, calls: 1 },
    // Well before the gap that ends a silent provider.
    check: ([first]) => expect(durationMs(first)).toBeLessThan(4000),
  },
  {
    fault: "400 context length",
    passes: "a route with the same context is not asked",
    first: "status=400;code=context_length_exceeded",
    second: answering,
    ends: { error: "context_length_exceeded", calls: 1 },
  },
  {
    fault: "400 context length",
    passes: "a route with a larger context answers",
    first: "status=400;code=context_length_exceeded",
    contextTokens: 8000,
    second: answering,
    ends: { by: 2, calls: 2 },
  },
  {
    fault: "400 content policy",
    passes: "nobody else is asked",
    first: "status=400;code=content_policy",
    second: answering,
    ends: { error: "content_refused", calls: 1 },
  },
  {
    fault: "next route refuses an assistant prefill",
    passes: "it is asked from the beginning and answers, or a clean error",
    first: "cut=40;tokens=60",
    second: { simulate: "prefill=refused;tokens=60" },
    ends: { by: 2, calls: 2, restarts: 1 },
    openaiEnds: { error: "provider_interrupted", begun: true, calls: 1 },
  },
  {
    fault: "accounting",
    passes: "the serving model and its usage are reported, and failed tries are not charged",
    first: "status=500",
    second: { simulate: "tokens=60;cached=3;reasoning=5" },
    ends: { by: 2, calls: 2 },
  },
];
