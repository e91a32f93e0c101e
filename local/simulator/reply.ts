import { type Faults, InvalidFault } from "./faults.ts";

/** Tokens a provider bills. The buckets do not overlap, save that `outputTokens` includes `reasoningTokens`. */
export interface Usage {
  inputTokens: number;
  cacheReadTokens: number;
  /** Always 0: no command asks for more. */
  cacheWriteTokens: number;
  outputTokens: number;
  reasoningTokens: number;
}

/** What the simulated model says: one string a token, why it stopped, and what it costs. */
export interface Reply {
  tokens: readonly string[];
  finish: "stop" | "length";
  usage: Usage;
  /** False when the provider was told to keep the usage to itself. */
  reportUsage: boolean;
}

interface Question {
  lastUserText: string;
  promptTokens: number;
  /** The most tokens the caller pays for, reasoning included; null for no limit. */
  maxTokens: number | null;
}

// Some words are not ASCII: whoever reads a reply must cope with characters that are cut between two reads.
const words =
  "amber anchor autumn basin beacon birch bridge café canyon cedar cinder cobalt copper crater delta ember façade fern field forest garden glacier granite harbor hazel island jasper juniper kelp lagoon lantern lemon linen maple marble meadow mist mosaic naïve nectar north ocean olive orchid pebble pine prairie quartz rain raven river saffron sand sierra silver stone summer thistle tide timber valley willow 東京 🌊".split(
    " ",
  );

/** Makes the reply to a question: always the same for the same question and commands. Throws InvalidFault. */
export function makeReply(question: Question, faults: Faults): Reply {
  const { promptTokens } = question;
  const limit = question.maxTokens ?? Number.POSITIVE_INFINITY;
  const reasoningTokens = Math.min(faults.reasoningTokens, limit);
  const count = Math.min(faults.tokens, limit - reasoningTokens);
  if (faults.cachedTokens > promptTokens)
    throw new InvalidFault(
      `cached=${faults.cachedTokens} is more than the ${promptTokens} tokens of this prompt: lower it or send a longer prompt`,
    );
  return {
    tokens: writeTokens(question.lastUserText, count),
    finish: faults.reasoningTokens + faults.tokens > limit ? "length" : "stop",
    usage: {
      inputTokens: promptTokens - faults.cachedTokens,
      cacheReadTokens: faults.cachedTokens,
      cacheWriteTokens: 0,
      outputTokens: count + reasoningTokens,
      reasoningTokens,
    },
    reportUsage: faults.reportUsage,
  };
}

/** Bills a call that ended before its reply did: the prompt, and what had been made when it ended. */
export function billPartially(reply: Reply, tokensSent: number): Usage {
  const reasoningTokens = tokensSent > 0 ? reply.usage.reasoningTokens : 0;
  return { ...reply.usage, outputTokens: tokensSent + reasoningTokens, reasoningTokens };
}

/** Echoes `text`, then goes on in words that depend on it, until there are `count` tokens. */
function writeTokens(text: string, count: number): string[] {
  const tokens = ["You", " said", ": "].slice(0, count);
  let seed = 0x811c9dc5;
  for (const [piece] of text.matchAll(/\s?[^\s]{1,8}|\s/gu)) {
    if (tokens.length >= count) break;
    tokens.push(piece);
    for (let at = 0; at < piece.length; at++) seed = Math.imul(seed ^ piece.charCodeAt(at), 0x01000193);
  }
  while (tokens.length < count) {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    tokens.push(` ${words[seed % words.length]}`);
  }
  return tokens;
}
