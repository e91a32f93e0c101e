import type { ThinkingConfig, ThinkingLevel } from "@google/genai/web";
import type { ChatOptions } from "../domain/chat-request.ts";

type Effort = NonNullable<ChatOptions["reasoningEffort"]>;

/** The SDK's type with the words that are sent in place of its enumeration, which is code. */
export type WireThinkingConfig = Omit<ThinkingConfig, "thinkingLevel"> & {
  thinkingLevel?: `${ThinkingLevel}`;
};

/**
 * Whether a model is of Gemini 3 or later: these think by level, sign their function calls and tie results to calls by id. Names without
 * a number, such as `gemini-flash-latest`, lead to the newest model.
 */
export function isThirdGeneration(upstreamModel: string): boolean {
  const [, major] = /\bgemini-(\d+)/.exec(upstreamModel) ?? [];
  return major === undefined ? /\bgemini-[a-z-]*latest\b/.test(upstreamModel) : Number(major) >= 3;
}

/**
 * How an effort is said to a model; undefined where it cannot be said: models that do not think refuse the field.
 * Levels, budgets and which model takes which: ai.google.dev/gemini-api/docs/thinking. The budget of an effort:
 * ai.google.dev/gemini-api/docs/openai.
 */
export function thinkingConfigOf(upstreamModel: string, effort: Effort): WireThinkingConfig | undefined {
  const thoughts = effort === "none" ? {} : { includeThoughts: true };
  if (isThirdGeneration(upstreamModel)) return { thinkingLevel: levelOf(upstreamModel, effort), ...thoughts };
  if (/\bgemini-2\.5-(?:flash|pro)/.test(upstreamModel))
    return { thinkingBudget: budgetOf(upstreamModel, effort), ...thoughts };
  return undefined;
}

/** From the third generation on thinking cannot be turned off: `none` is the least that a model takes. */
function levelOf(upstreamModel: string, effort: Effort): `${ThinkingLevel}` {
  if (effort === "high") return "HIGH";
  if (effort === "medium") return "MEDIUM";
  if (effort === "low") return "LOW";
  // The other models answer 400 to MINIMAL.
  return /\bgemini-3-flash|flash-lite/.test(upstreamModel) ? "MINIMAL" : "LOW";
}

/** In tokens. */
function budgetOf(upstreamModel: string, effort: Effort): number {
  if (effort === "high") return 24_576;
  if (effort === "medium") return 8_192;
  if (effort === "low" || effort === "minimal") return 1_024;
  // 0 turns thinking off, except for Pro, whose least budget is 128.
  return upstreamModel.includes("pro") ? 128 : 0;
}
