import { maxTools } from "../domain/chat-message.ts";
import { ProviderError, type ProviderEvent } from "./provider.ts";
import { isObject, isText } from "./untrusted.ts";

/** A tool call, or a piece of one, as far as it is read. */
interface WireToolCall {
  index?: unknown;
  id?: unknown;
  function?: { name?: unknown; arguments?: unknown } | null;
}

interface Call {
  /** As it was sent, to tell later pieces by. */
  wireIndex: unknown;
  wireId: string | undefined;
  /** Arguments that came before the name. */
  pending: string;
  /** Its place among the events; null before its name is known. */
  index: number | null;
  hasArguments: boolean;
}

export interface ToolCalls {
  /** Adds the events of some pieces. `answerId` makes ids unique for services that give none. */
  push(events: ProviderEvent[], pieces: unknown, answerId: unknown): void;
  /**
   * Adds what a whole call still lacks. Returns how many calls there are.
   * @throws ProviderError interrupted, where a call has arguments and no name
   */
  finish(events: ProviderEvent[]): number;
}

/**
 * Puts the pieces of an answer's tool calls in order. OpenAI sends index, id and name first and then the arguments in pieces by their
 * index; some services send whole calls in one chunk, leave the index out, give every call the index 0, or repeat the id.
 */
export function createToolCalls(): ToolCalls {
  const calls: Call[] = [];
  let announced = 0;

  /** The call that a piece goes on with; undefined where it begins one. */
  function findCall({ index, id, function: called }: WireToolCall): Call | undefined {
    if (isText(id)) {
      const same = calls.findLast(
        (call) => call.wireId === id && (index === undefined || call.wireIndex === index),
      );
      // An id that is new, without a name, is one that changes with each piece.
      if (same !== undefined || isText(called?.name)) return same;
    }
    if (typeof index === "number") return calls.findLast((call) => call.wireIndex === index);
    return isText(called?.name) ? undefined : calls.at(-1);
  }

  function pushPiece(events: ProviderEvent[], piece: WireToolCall, answerId: unknown): void {
    let call = findCall(piece);
    if (call === undefined) {
      if (calls.length === maxTools)
        throw new ProviderError("interrupted", "the answer has too many tool calls");
      const wireId = isText(piece.id) ? piece.id : undefined;
      call = { wireIndex: piece.index, wireId, pending: "", index: null, hasArguments: false };
      calls.push(call);
    }
    const text = call.pending + argumentsOf(piece);
    call.hasArguments ||= text !== "";
    if (call.index !== null) {
      if (text !== "") events.push({ type: "tool_call", index: call.index, arguments: text });
      return;
    }
    const name = piece.function?.name;
    call.pending = isText(name) ? "" : text;
    if (!isText(name)) return;
    const index = announced++;
    call.index = index;
    events.push({ type: "tool_call", index, id: idOf(call, answerId), name, arguments: text });
  }

  /** The id as it was sent, if no other call has it. */
  function idOf({ wireId, index }: Call, answerId: unknown): string {
    const isOwn = wireId !== undefined && calls.filter((call) => call.wireId === wireId).length === 1;
    return isOwn ? wireId : `call_${isText(answerId) ? answerId.slice(0, 100) : 0}_${index}`;
  }

  return {
    push(events, pieces, answerId) {
      if (!Array.isArray(pieces)) return;
      for (const piece of pieces) if (isObject(piece)) pushPiece(events, piece, answerId);
    },
    finish(events) {
      for (const { index, hasArguments } of calls) {
        if (index === null) throw new ProviderError("interrupted", "a tool call has no name");
        // A tool without parameters: the model wrote nothing, but a JSON object is what goes back to it.
        if (!hasArguments) events.push({ type: "tool_call", index, arguments: "{}" });
      }
      return calls.length;
    },
  };
}

/** Arguments are a text; some services send the object itself. */
function argumentsOf({ function: called }: WireToolCall): string {
  const value = called?.arguments;
  if (isText(value)) return value;
  return isObject(value) ? JSON.stringify(value) : "";
}
