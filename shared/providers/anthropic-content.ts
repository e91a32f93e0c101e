import type { FinishReason } from "../domain/chat-message.ts";
import { type Turn, writeContinuation } from "./anthropic-continuation.ts";
import { ProviderError, type ProviderEvent } from "./provider.ts";
import { isObject, isText } from "./untrusted.ts";

/** A block of an answer, or what is added to one. Everything may be missing: it comes from outside. */
export interface WireBlock {
  type?: unknown;
  text?: unknown;
  thinking?: unknown;
  signature?: unknown;
  /** Of redacted thoughts. */
  data?: unknown;
  id?: unknown;
  name?: unknown;
  input?: unknown;
  partial_json?: unknown;
}

type Block = Turn[number] | { type: "call"; index: number; isEmpty: boolean };

/** Far more than can be sent back. UTF-16 units. */
const maxUnseenLength = 8 * 1024 * 1024;

/** The content of an answer as it grows: blocks, each with an index of its own. */
export interface Content {
  /** A block begins; it may be whole already. Returns what of it is told. */
  begin(index: unknown, block: WireBlock | null | undefined): ProviderEvent[];
  /** More of a block. */
  add(index: unknown, delta: WireBlock | null | undefined): ProviderEvent[];
  /** A piece of it could not be read. */
  lose(): void;
  /**
   * No more comes. Returns what was held back, and the finish without its usage.
   * @throws ProviderError interrupted, where a call was lost on the way: the answer must not pass for a whole one
   */
  end(stopReason: string): { rest: ProviderEvent[]; finish: Extract<ProviderEvent, { type: "finish" }> };
}

export function createContent(): Content {
  const blocks = new Map<unknown, Block>();
  let callCount = 0;
  let isCallLost = false;
  let isGarbled = false;
  let unseenLength = 0;

  /** Counts what is kept and never told: nobody else stops a provider that does not stop with it. */
  function keep(text: string): string {
    unseenLength += text.length;
    if (unseenLength > maxUnseenLength)
      throw new ProviderError("interrupted", "the answer's signatures do not end");
    return text;
  }

  function addText(index: unknown, text: unknown): ProviderEvent[] {
    if (!isText(text)) return [];
    // Where the beginning was lost, this is it.
    const begun = blocks.get(index);
    if (begun?.type === "text") begun.length += text.length;
    else blocks.set(index, { type: "text", length: text.length });
    return [{ type: "text", text }];
  }

  function addThoughts(index: unknown, { thinking, signature }: WireBlock): ProviderEvent[] {
    const begun = blocks.get(index);
    const block =
      begun?.type === "thinking" ? begun : { type: "thinking" as const, thinking: "", signature: "" };
    blocks.set(index, block);
    if (isText(signature)) block.signature += keep(signature);
    if (!isText(thinking)) return [];
    block.thinking += thinking;
    return [{ type: "reasoning", text: thinking }];
  }

  function beginCall(index: unknown, { id, name, input }: WireBlock): ProviderEvent[] {
    if (!isText(id) || !isText(name)) {
      isCallLost = true;
      return [];
    }
    const json = JSON.stringify(isObject(input) ? input : {});
    // In a stream the input is {} here, and comes piece by piece.
    const isEmpty = json === "{}";
    const call = { type: "call" as const, index: callCount++, isEmpty };
    blocks.set(index, call);
    return [{ type: "tool_call", index: call.index, id, name, arguments: isEmpty ? "" : json }];
  }

  function addInput(index: unknown, json: unknown): ProviderEvent[] {
    const block = blocks.get(index);
    isCallLost ||= block?.type !== "call";
    if (block?.type !== "call" || !isText(json)) return [];
    block.isEmpty = false;
    return [{ type: "tool_call", index: block.index, arguments: json }];
  }

  return {
    begin(index, block) {
      if (block?.type === "text") return addText(index, block.text);
      if (block?.type === "thinking") return addThoughts(index, block);
      if (block?.type === "tool_use") return beginCall(index, block);
      if (block?.type === "redacted_thinking" && isText(block.data))
        blocks.set(index, { type: "redacted_thinking", data: keep(block.data) });
      return [];
    },
    add(index, delta) {
      if (delta?.type === "text_delta") return addText(index, delta.text);
      if (delta?.type === "thinking_delta" || delta?.type === "signature_delta")
        return addThoughts(index, delta);
      if (delta?.type === "input_json_delta") return addInput(index, delta.partial_json);
      return [];
    },
    lose() {
      isGarbled = true;
    },
    end(stopReason) {
      if (isCallLost || (isGarbled && callCount > 0) || (stopReason === "tool_use" && callCount === 0))
        throw new ProviderError("interrupted", "a tool call of the answer was lost on the way");
      const reason = readStopReason(stopReason, callCount > 0);
      const turn = [...blocks.values()];
      const rest = turn.flatMap((block): ProviderEvent[] =>
        block.type === "call" && block.isEmpty && reason === "tool_calls"
          ? [{ type: "tool_call", index: block.index, arguments: "{}" }]
          : [],
      );
      const continuation = reason === "tool_calls" ? writeContinuation(turn.flatMap(toTurnBlock)) : undefined;
      return {
        rest,
        finish: { type: "finish", reason, usage: null, ...(continuation ? { continuation } : {}) },
      };
    },
  };
}

/** Thoughts without a signature cannot be given back. */
function toTurnBlock(block: Block): Turn {
  if (block.type === "call") return [{ type: "tool_use" }];
  return block.type === "thinking" && block.signature === "" ? [] : [block];
}

function readStopReason(stopReason: string, hasCalls: boolean): Exclude<FinishReason, "interrupted"> {
  if (stopReason === "refusal") return "content_filter";
  if (stopReason === "max_tokens" || stopReason === "model_context_window_exceeded") return "length";
  return hasCalls ? "tool_calls" : "stop";
}
