/** A command that does not exist or has a bad value; the message names it and the remedy. */
export class InvalidFault extends Error {}

const refusalStatuses = [400, 401, 429, 500, 503] as const;
export type RefusalStatus = (typeof refusalStatuses)[number];
export type RefusalCode = "context_length_exceeded" | "insufficient_quota";

export interface Refusal {
  status: RefusalStatus;
  /** Which of the refusals that share a status; null for the usual one. */
  code: RefusalCode | null;
}

/** How a call misbehaves. `local/simulator/README.md` describes each command. */
export interface Faults {
  latencyMs: number;
  earlyHeaders: boolean;
  /** Null sends as fast as the client reads. */
  tokensPerSecond: number | null;
  tokens: number;
  refusal: Refusal | null;
  silent: boolean;
  /** What ends the reply early, once so many tokens are sent. */
  ending: { kind: "cut" | "error" | "stall" | "end"; afterTokens: number } | null;
  malformedAfterTokens: number | null;
  hold: { name: string; afterTokens: number } | null;
  reportUsage: boolean;
  reasoningTokens: number;
  cachedTokens: number;
}

const longestLatencyMs = 600_000;
const mostTokens = 100_000;
const refusalCodes: Record<RefusalStatus, readonly RefusalCode[]> = {
  400: ["context_length_exceeded"],
  401: [],
  429: ["insufficient_quota"],
  500: [],
  503: [],
};
const endings = ["cut", "error", "stall", "end"] as const;
const wellBehaved = readFaults(new Map());

/** Reads lists of commands, `key=value;key=value`. Throws InvalidFault for whatever it cannot carry out. */
export function parseFaults(lists: readonly string[]): Faults {
  if (lists.length === 0) return wellBehaved;
  const given = new Map<string, string>();
  for (const command of lists.flatMap((list) => list.split(";"))) {
    const at = command.indexOf("=");
    const name = (at < 0 ? command : command.slice(0, at)).trim();
    if (given.has(name)) throw new InvalidFault(`the command "${name}" is given twice: give it once`);
    given.set(name, at < 0 ? "" : command.slice(at + 1).trim());
  }
  return readFaults(given);
}

/** Takes every command out of `given`; what is left then is unknown. */
function readFaults(given: Map<string, string>): Faults {
  function take(name: string): string | undefined {
    const value = given.get(name);
    given.delete(name);
    return value;
  }
  function takeInteger(name: string, least: number, most: number): number | null {
    const value = take(name);
    if (value === undefined) return null;
    const number = /^\d{1,9}$/.test(value) ? Number(value) : Number.NaN;
    if (!(number >= least && number <= most)) throw badValue(name, value, `${least} to ${most}`);
    return number;
  }
  function takeWord(name: string, word: string): boolean {
    const value = take(name);
    if (value !== undefined && value !== word)
      throw badValue(name, value, word === "" ? "no value" : `"${word}"`);
    return value !== undefined;
  }

  const tokens = takeInteger("tokens", 1, mostTokens) ?? 50;
  const faults: Faults = {
    latencyMs: takeInteger("latency", 0, longestLatencyMs) ?? 0,
    earlyHeaders: takeWord("headers", "early"),
    tokensPerSecond: takeInteger("tps", 1, mostTokens),
    tokens,
    refusal: readRefusal(take("status"), take("code")),
    silent: takeWord("silent", ""),
    ending: null,
    malformedAfterTokens: takeInteger("malformed", 0, tokens),
    hold: readHold(take("hold"), tokens),
    reportUsage: !takeWord("usage", "none"),
    reasoningTokens: takeInteger("reasoning", 0, mostTokens) ?? 0,
    cachedTokens: takeInteger("cached", 0, 1_000_000) ?? 0,
  };
  const fatal = [faults.refusal && "status", faults.silent && "silent"].filter(Boolean);
  for (const kind of endings) {
    const afterTokens = takeInteger(kind, 0, tokens);
    if (afterTokens === null) continue;
    faults.ending = { kind, afterTokens };
    fatal.push(kind);
  }
  if (fatal.length > 1)
    throw new InvalidFault(`a call ends in one way only: choose one of ${fatal.join(", ")}`);
  if (faults.refusal && faults.earlyHeaders)
    throw new InvalidFault(`"status" and "headers=early" exclude each other: the headers hold the status`);
  for (const name of given.keys())
    throw new InvalidFault(`unknown command "${name}": see local/simulator/README.md for those that exist`);
  return faults;
}

function readRefusal(status: string | undefined, code: string | undefined): Refusal | null {
  if (status === undefined) {
    if (code !== undefined) throw new InvalidFault(`"code=${code}" needs a "status" beside it`);
    return null;
  }
  const refusedWith = refusalStatuses.find((each) => String(each) === status);
  if (refusedWith === undefined) throw badValue("status", status, refusalStatuses.join(", "));
  const codes = refusalCodes[refusedWith];
  const known = codes.find((each) => each === code) ?? null;
  if (code !== undefined && known === null)
    throw badValue("code", code, codes.join(", ") || `none with status=${status}`);
  return { status: refusedWith, code: known };
}

function readHold(value: string | undefined, tokens: number): Faults["hold"] {
  if (value === undefined) return null;
  const [, name, after] = /^([\w.-]{1,100})(?:@(\d{1,6}))?$/.exec(value) ?? [];
  const afterTokens = Number(after ?? 1);
  if (name === undefined || afterTokens > tokens)
    throw badValue("hold", value, `a name, or name@n with n from 0 to ${tokens}`);
  return { name, afterTokens };
}

function badValue(name: string, value: string, expected: string): InvalidFault {
  return new InvalidFault(`bad value "${value}" for the command "${name}": expected ${expected}`);
}
