import { badValue, type Commands, InvalidFault, readCommands } from "./commands.ts";

const statuses = [400, 401, 402, 403, 404, 408, 413, 422, 429, 500, 502, 503, 504, 529] as const;
export type RefusalStatus = (typeof statuses)[number];

const codesByStatus = {
  400: ["context_length_exceeded", "content_policy", "API_KEY_INVALID"],
  429: ["insufficient_quota", "credit_balance_exhausted", "enforced_spend_limit_reached", "PerDay"],
} as const;
export type RefusalCode = (typeof codesByStatus)[keyof typeof codesByStatus][number] | "prefill";

/** How a request is refused. */
export interface Refusal {
  status: RefusalStatus;
  /** Which of the refusals that share a status; null for the usual one. */
  code: RefusalCode | null;
  /** When the provider says to come back: 0 for not saying, null for what it usually says. */
  retryAfterSeconds: number | null;
}

/** What the reply consists of. `local/simulator/README.md` describes each command. */
export interface Content {
  /** Tokens of text; null for the default. */
  tokens: number | null;
  /** Null sends as fast as the client reads. */
  tokensPerSecond: number | null;
  toolCalls: number;
  reasoningTokens: number;
  /** The OpenAI-compatible services show thoughts that OpenAI keeps. */
  reasoningText: boolean;
  cachedTokens: number;
  cacheWriteTokens: number;
  prefillRefused: boolean;
}

/** Where a call is held: before its headers, after them, in the middle of the answer, or after so many tokens. */
const holdPlaces = ["request", "headers", "half"] as const;
type HoldPlace = (typeof holdPlaces)[number] | number;

/** How a call misbehaves. */
export interface Faults {
  latencyMs: number;
  earlyHeaders: boolean;
  firstTokenMs: number;
  refusal: Refusal | null;
  silent: boolean;
  reset: boolean;
  /** The call is refused while this outage is on. */
  outage: string | null;
  /** What ends the reply early, once so many tokens are sent. */
  ending: { kind: "cut" | "error" | "stall" | "end"; afterTokens: number } | null;
  malformedAfterTokens: number | null;
  hold: { name: string; at: HoldPlace } | null;
  reportUsage: boolean;
  /** Everything is sent but the mark of the end, and the connection stays open. */
  endless: boolean;
  finish: "length" | "content_filter" | "refusal" | null;
  /** The provider's filter took the prompt: there is no reply. */
  blocked: boolean;
  /** The length to which one line is filled up; 0 for none. */
  lineKilobytes: number;
}

export interface Behaviour {
  content: Content;
  faults: Faults;
  /** Only the first calls under this name have the faults. */
  attempts: { name: string; times: number } | null;
}

const longestWaitMs = 600_000;
const mostTokens = 100_000;
const defaultTokens = 50;
const endings = ["cut", "error", "stall", "end"] as const;

/** A call without any fault. */
export const noFaults: Faults = {
  latencyMs: 0,
  earlyHeaders: false,
  firstTokenMs: 0,
  refusal: null,
  silent: false,
  reset: false,
  outage: null,
  ending: null,
  malformedAfterTokens: null,
  hold: null,
  reportUsage: true,
  endless: false,
  finish: null,
  blocked: false,
  lineKilobytes: 0,
};
const usual: Behaviour = {
  content: {
    tokens: null,
    tokensPerSecond: null,
    toolCalls: 0,
    reasoningTokens: 0,
    reasoningText: false,
    cachedTokens: 0,
    cacheWriteTokens: 0,
    prefillRefused: false,
  },
  faults: noFaults,
  attempts: null,
};

/** Reads lists of commands, `key=value;key=value`. Throws InvalidFault for whatever it cannot carry out. */
export function parseBehaviour(lists: readonly string[]): Behaviour {
  if (lists.length === 0) return usual;
  const commands = readCommands(lists);
  const content = readContent(commands);
  // How long calls of tools are is not known before the request is.
  const most = content.toolCalls > 0 ? mostTokens : (content.tokens ?? defaultTokens);
  const behaviour = { content, faults: readFaults(commands, most), attempts: readAttempts(commands) };
  commands.expectNone();
  return behaviour;
}

function readContent(commands: Commands): Content {
  return {
    tokens: commands.takeInteger("tokens", 1, mostTokens),
    tokensPerSecond: commands.takeInteger("tps", 1, mostTokens),
    toolCalls: commands.takeInteger("tools", 1, 100) ?? 0,
    reasoningTokens: commands.takeInteger("reasoning", 0, mostTokens) ?? 0,
    reasoningText: commands.takeWord("reasoning_text"),
    cachedTokens: commands.takeInteger("cached", 0, 1_000_000) ?? 0,
    cacheWriteTokens: commands.takeInteger("cachewrite", 0, 1_000_000) ?? 0,
    prefillRefused: commands.takeWord("prefill", "refused"),
  };
}

function readFaults(commands: Commands, mostAfter: number): Faults {
  const faults: Faults = {
    latencyMs: commands.takeInteger("latency", 0, longestWaitMs) ?? 0,
    earlyHeaders: commands.takeWord("headers", "early"),
    firstTokenMs: commands.takeInteger("first", 0, longestWaitMs) ?? 0,
    refusal: readRefusal(commands),
    silent: commands.takeWord("silent"),
    reset: commands.takeWord("reset"),
    outage: commands.takeName("down"),
    ending: null,
    malformedAfterTokens: commands.takeInteger("malformed", 0, mostAfter),
    hold: readHold(commands.take("hold"), mostAfter),
    reportUsage: !commands.takeWord("usage", "none"),
    endless: commands.takeWord("done", "none"),
    finish: commands.takeChoice("finish", ["length", "content_filter", "refusal"]),
    blocked: commands.takeWord("blocked"),
    lineKilobytes: commands.takeInteger("line", 1, 65_536) ?? 0,
  };
  const { refusal, silent, reset, blocked } = faults;
  const fatal = Object.entries({ status: refusal !== null, silent, reset, blocked })
    .filter(([, given]) => given)
    .map(([name]) => name);
  for (const kind of endings) {
    const afterTokens = commands.takeInteger(kind, 0, mostAfter);
    if (afterTokens === null) continue;
    faults.ending = { kind, afterTokens };
    fatal.push(kind);
  }
  if (fatal.length > 1)
    throw new InvalidFault(`a call ends in one way only: choose one of ${fatal.join(", ")}`);
  const instead = [refusal && "status", reset && "reset", faults.outage && "down"].filter(Boolean);
  if (faults.earlyHeaders && instead.length > 0)
    throw new InvalidFault(
      `"${instead[0]}" and "headers=early" exclude each other: the headers hold the status`,
    );
  return faults;
}

function readRefusal(commands: Commands): Refusal | null {
  const status = commands.take("status");
  const code = commands.take("code");
  const retryAfter = commands.take("retryafter");
  if (status === undefined) {
    const orphan = code === undefined ? retryAfter && `retryafter=${retryAfter}` : `code=${code}`;
    if (orphan !== undefined) throw new InvalidFault(`"${orphan}" needs a "status" beside it`);
    return null;
  }
  const refusedWith = statuses.find((each) => String(each) === status);
  if (refusedWith === undefined) throw badValue("status", status, statuses.join(", "));
  const codes: readonly RefusalCode[] =
    refusedWith === 400 || refusedWith === 429 ? codesByStatus[refusedWith] : [];
  const known = codes.find((each) => each === code) ?? null;
  if (code !== undefined && known === null)
    throw badValue("code", code, codes.join(", ") || `none with status=${status}`);
  if (retryAfter !== undefined && !/^\d{1,5}(\.\d{1,3})?$/.test(retryAfter))
    throw badValue("retryafter", retryAfter, "seconds, such as 2 or 0.5");
  const retryAfterSeconds = retryAfter === undefined ? null : Number(retryAfter);
  return { status: refusedWith, code: known, retryAfterSeconds };
}

function readHold(value: string | undefined, mostAfter: number): Faults["hold"] {
  if (value === undefined) return null;
  const [, name, place = "1"] = /^([\w.-]{1,100})(?:@(\d{1,6}|[a-z]+))?$/.exec(value) ?? [];
  const at = holdPlaces.find((each) => each === place) ?? Number(place);
  if (name === undefined || !(typeof at === "string" || at <= mostAfter))
    throw badValue("hold", value, `a name, or name@ and ${holdPlaces.join(", ")} or 0 to ${mostAfter}`);
  return { name, at };
}

function readAttempts(commands: Commands): Behaviour["attempts"] {
  const times = commands.takeInteger("times", 1, 1000);
  const name = commands.takeName("key");
  if (times === null && name === null) return null;
  if (times === null || name === null)
    throw new InvalidFault(`"times" and "key" need each other: times=<n>;key=<name>`);
  return { name, times };
}
