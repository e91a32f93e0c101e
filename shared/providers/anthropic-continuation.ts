import type { Anthropic } from "@anthropic-ai/sdk";
import { isText, parseJson } from "./untrusted.ts";

type ThinkingBlock = Anthropic.ThinkingBlockParam | Anthropic.RedactedThinkingBlockParam;

/**
 * A turn of the assistant as Anthropic wrote it: its thoughts in full, its texts and tool calls by their place, because the message
 * itself has them. Thoughts stand between them, too, and Anthropic refuses them in another order.
 */
export type Turn = (ThinkingBlock | { type: "text"; length: number } | { type: "tool_use" })[];

/** The text for `continuation` of a ChatMessage; undefined for a turn without thoughts, which needs none. */
export function writeContinuation(turn: Turn): string | undefined {
  return turn.some(isThinking) ? JSON.stringify({ provider: "anthropic", turn }) : undefined;
}

/**
 * The blocks of an assistant's turn, with the thoughts of its `continuation` back in their places. Thoughts that are another provider's
 * or no thoughts at all are left out without a word: the chat can go on without them.
 */
export function restoreTurn(
  text: string,
  calls: Anthropic.ToolUseBlockParam[],
  continuation: string | undefined,
): Anthropic.ContentBlockParam[] {
  const turn = readContinuation(continuation);
  const lengths = turn.map((block) => (block.type === "text" ? block.length : 0));
  const isWhole =
    lengths.reduce((sum, length) => sum + length, 0) === text.length &&
    turn.filter(({ type }) => type === "tool_use").length === calls.length;
  // Where the message was changed, thoughts come first: so they stand in all turns but the most winding.
  if (!isWhole) return [...turn.filter(isThinking), ...textBlocks(text), ...calls];
  let callIndex = 0;
  let textIndex = 0;
  return turn.flatMap((block): Anthropic.ContentBlockParam[] => {
    if (block.type === "tool_use") return calls.slice(callIndex, ++callIndex);
    if (block.type !== "text") return [block];
    textIndex += block.length;
    return textBlocks(text.slice(textIndex - block.length, textIndex));
  });
}

/** Anthropic refuses a text of nothing but white space, also where the model wrote it. */
export function textBlocks(text: string): Anthropic.TextBlockParam[] {
  return text.trim() === "" ? [] : [{ type: "text", text }];
}

export function isThinking<Block extends { type: string }>(
  block: Block,
): block is Extract<Block, { type: "thinking" | "redacted_thinking" }> {
  return block.type === "thinking" || block.type === "redacted_thinking";
}

/** Built anew from what is known, so that nothing else gets into the request; empty for what is not ours. */
function readContinuation(continuation = ""): Turn {
  const { provider, turn }: { provider?: unknown; turn?: unknown } = parseJson(continuation) ?? {};
  if (provider !== "anthropic" || !Array.isArray(turn)) return [];
  const blocks = turn.map(readBlock);
  return blocks.every((block) => block !== undefined) ? blocks : [];
}

function readBlock(block: Record<string, unknown> | null): Turn[number] | undefined {
  const { type, thinking, signature, data, length } = block ?? {};
  if (type === "tool_use") return { type };
  if (type === "text" && Number.isInteger(length) && Number(length) >= 0)
    return { type, length: Number(length) };
  if (type === "thinking" && typeof thinking === "string" && isText(signature))
    return { type, thinking, signature };
  if (type === "redacted_thinking" && isText(data)) return { type, data };
  return undefined;
}
