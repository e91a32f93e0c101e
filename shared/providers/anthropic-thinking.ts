import type { Anthropic } from "@anthropic-ai/sdk";
import { isThinking } from "./anthropic-continuation.ts";
import type { ChatOutline, ProviderRequest } from "./provider.ts";

// From "Thinking support, defaults, and rejected configurations by model" in Anthropic's "Troubleshooting thinking", and from
// "Thinking in tool and multi-turn workflows", as of November 2026.

/** Models up to Claude 4.5 think when given a budget of tokens and refuse the word "adaptive"; later ones do the opposite. */
const needsBudget = /^claude-(?:3|(?:opus|sonnet|haiku)-4(?:-[0-5])?(?:-\d{8})?(?![-\d]))/;
/** Models that refuse not to think. */
const alwaysThinks = /^claude-(?:fable|mythos|opus-5-5)/;

/** What Anthropic accepts as a budget, in tokens. */
const leastBudget = 1024;
/** How much of the answer's tokens may be thoughts. */
const shareOfEffort = { minimal: 0.1, low: 0.2, medium: 0.5, high: 0.8 };

export interface Thinking {
  thinking?: Anthropic.ThinkingConfigParam;
  effort?: NonNullable<Anthropic.OutputConfig["effort"]>;
  /** Whether the call is certain not to think: then it takes no thoughts of earlier turns either. */
  isOff: boolean;
}

/** Whether the caller asked for thoughts: with them Anthropic leaves the sampling as it is. */
export function wantsThoughts({ reasoningEffort }: ProviderRequest["options"]): boolean {
  return reasoningEffort !== undefined && reasoningEffort !== "none";
}

/** How a model is told to think as much as the caller asked for, as far as it can in this chat. */
export function chooseThinking(
  { upstreamModel, maxOutputTokens, options }: ChatOutline,
  messages: Anthropic.MessageParam[],
): Thinking {
  const { reasoningEffort, toolChoice } = options;
  if (needsBudget.test(upstreamModel)) {
    // Twice the least leaves room for an answer. A forced tool and thoughts exclude each other here, and so do thoughts and a
    // turn that began without them.
    const isPossible =
      maxOutputTokens >= 2 * leastBudget &&
      toolChoice !== "required" &&
      typeof toolChoice !== "object" &&
      mayThinkOn(messages);
    if (reasoningEffort === undefined || reasoningEffort === "none" || !isPossible) return { isOff: true };
    const budget = Math.floor(maxOutputTokens * shareOfEffort[reasoningEffort]);
    return { thinking: { type: "enabled", budget_tokens: Math.max(leastBudget, budget) }, isOff: false };
  }
  if (reasoningEffort === undefined) return { isOff: false };
  if (reasoningEffort === "none")
    return alwaysThinks.test(upstreamModel)
      ? { effort: "low", isOff: false }
      : { thinking: { type: "disabled" }, isOff: true };
  return {
    // Newer models keep their thoughts to themselves unless asked for a summary.
    thinking: { type: "adaptive", display: "summarized" },
    effort: reasoningEffort === "minimal" ? "low" : reasoningEffort,
    isOff: false,
  };
}

/** Whether the turn that the next answer goes on with, if it does, began with thoughts: tool calls and their results are one turn. */
function mayThinkOn(messages: Anthropic.MessageParam[]): boolean {
  let first: Anthropic.MessageParam | undefined;
  for (const message of messages.toReversed()) {
    const { role, content } = message;
    if (role === "assistant") first = message;
    else if (typeof content === "string" || content.every(({ type }) => type !== "tool_result")) break;
  }
  const block = first?.content[0];
  return block === undefined || (typeof block !== "string" && isThinking(block));
}
