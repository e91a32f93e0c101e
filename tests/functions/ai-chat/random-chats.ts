import { type Question, type Surface, surfaces } from "../../support/ask-surface.ts";
import { type Format, formatNames } from "../../support/provider-formats.ts";
import type { Random } from "../../support/random.ts";
import type { RouteOptions } from "../../support/test-models.ts";

/** A chat as chance has it. */
export interface RandomChat {
  /** In its prompt and in no other's. */
  marker: string;
  surface: Surface;
  routes: RouteOptions[];
  question: Question;
  /** After how many milliseconds the client hangs up; null where it stays. */
  hangUpMs: number | null;
}

export interface RandomChatOptions {
  random: Random;
  marker: string;
  upstreams: Record<
    Format,
    Pick<RouteOptions, "upstream" | "inputUsd" | "cacheReadUsd" | "cacheWriteUsd" | "outputUsd">
  >;
}

const tool = {
  name: "find_tide",
  description: "When the water is highest.",
  parameters: {
    type: "object",
    properties: { harbour: { type: "string" }, days: { type: "integer" } },
    required: ["harbour", "days"],
    additionalProperties: false,
  },
};

/** Up to this many tokens the gateway fetches a whole answer: where that breaks off, nobody knows what it would have been. */
const wholeAnswerTokens = 256;

/**
 * Makes a chat of any format, with any fault, of which the provider's bill can be known. It cannot where an answer breaks off
 * or comes without usage, and: tools are declared (their tokens are estimated from our words, not the provider's), tokens were read from
 * a cache or thought in secret (only the usage would tell), nothing has come yet, or it was to come in one piece.
 */
export function makeRandomChat({ random, marker, upstreams }: RandomChatOptions): RandomChat {
  const surface = random.pick(surfaces);
  const isStreamed = surface.endsWith("stream");
  const maxTokens = random.chance(0.3) ? random.integer(1, 400) : undefined;
  const comesWhole = !isStreamed && maxTokens !== undefined && maxTokens <= wholeAnswerTokens;
  const hasTools = random.chance(0.15);
  const tokens = random.integer(1, 120);
  const firstFormat = random.pick(formatNames);
  const others = formatNames.filter((name) => name !== firstFormat);
  const names = [firstFormat, ...(random.chance(0.6) ? [random.pick(others)] : [])];

  function makeRoute(provider: Format, priority: number): RouteOptions {
    const commands = [hasTools ? `tools=${random.integer(1, 3)}` : `tokens=${tokens}`];
    const fault = random.chance(priority === 0 ? 0.65 : 0.2) ? makeFault(provider) : null;
    if (fault) commands.push(fault.command);
    if (!fault?.isEstimated) commands.push(...makeUsage(provider));
    return { provider, priority, simulate: commands.join(";"), ...upstreams[provider] };
  }

  function makeUsage(provider: Format): string[] {
    return [
      ...(random.chance(0.2) ? [`cached=${random.integer(1, 5)}`] : []),
      ...(random.chance(0.2) && provider !== "google" ? [`cachewrite=${random.integer(1, 5)}`] : []),
      ...(random.chance(0.2) ? [`reasoning=${random.integer(1, 30)}`] : []),
    ];
  }

  function makeFault(provider: Format): { command: string; isEstimated: boolean } {
    const once = random.chance(0.5) ? `;times=1;key=${marker}-${provider}` : "";
    const after = random.integer(1, tokens);
    // Those that ask for whole seconds keep all others from using the key for as long.
    const busy = provider === "openai" || provider === "google" ? ["status=429;retryafter=0.3"] : [];
    const refusals = ["status=500", "status=503", "status=404", "status=400", "reset", ...busy];
    const lengthy = "status=400;code=context_length_exceeded";
    const told = [
      ...refusals.map((command) => command + once),
      ...[lengthy, "status=400;code=content_policy", "finish=length", "finish=content_filter"],
      ...["latency=40", "first=60", "tps=500", "line=64", "headers=early"],
      ...(provider === "google" ? [] : ["done=none"]),
      ...(comesWhole ? [] : [`malformed=${after}`]),
    ];
    // Not tools, nor what only the usage would tell.
    const estimated = hasTools
      ? []
      : [
          "usage=none",
          ...(comesWhole
            ? []
            : ["cut", "error", "end", "cut", "error", "end", "stall"].map((kind) => `${kind}=${after}`)),
        ];
    const isEstimated = estimated.length > 0 && random.chance(0.4);
    return { command: random.pick(isEstimated ? estimated : told), isEstimated };
  }

  const last = {
    role: "user",
    content: `${marker} ${random.pick(["What of tides?", "東京の海は？", "🌊".repeat(random.integer(1, 9))])}`,
  };
  return {
    marker,
    surface,
    routes: names.map(makeRoute),
    question: {
      messages: [
        ...(random.chance(0.3) ? [{ role: "system", content: "Be brief, and kind." }] : []),
        ...(random.chance(0.3)
          ? [
              { role: "user", content: "Hello" },
              { role: "assistant", content: "Good evening." },
            ]
          : []),
        last,
      ],
      options: {
        ...(maxTokens === undefined ? {} : { maxTokens }),
        ...(hasTools ? { tools: [tool] } : {}),
        ...(random.chance(0.15) ? { reasoningEffort: random.pick(["low", "medium"] as const) } : {}),
      },
    },
    hangUpMs: random.chance(0.12) ? random.integer(1, 400) : null,
  };
}
