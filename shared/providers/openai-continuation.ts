import { ProviderError } from "./provider.ts";
import { isObject, isText, parseJson } from "./untrusted.ts";

/** The member of an answer that goes back with the results of the tools it asked for. */
export type ContinuationMember = "reasoning_content" | "reasoning_details";

/** What of a delta or a message may have to go back. */
export interface WireThoughts {
  reasoning_content?: unknown;
  reasoning_details?: unknown;
}

export interface Thoughts {
  /** @throws ProviderError interrupted, where what is kept for the next request does not end */
  add(delta: WireThoughts): void;
  /** The continuation of an answer with tool calls; undefined where the provider wants nothing back. */
  finish(): string | undefined;
}

/** Far more than can be sent back. UTF-16 units. */
const maxUnseenLength = 8 * 1024 * 1024;

type Detail = Record<string, unknown>;

/** Collects the thoughts of an answer. A stream has them in pieces: of one detail where type and index are the same. */
export function createThoughts(member: ContinuationMember): Thoughts {
  let content = "";
  const details: Detail[] = [];
  let unseenLength = 0;

  function addDetail(detail: Detail): void {
    const last = details.at(-1);
    if (last === undefined || last.type !== detail.type || last.index !== detail.index) {
      details.push(detail);
      return;
    }
    for (const [name, value] of Object.entries(detail)) {
      const isPiece = (name === "text" || name === "summary" || name === "data") && isText(last[name]);
      if (isPiece && isText(value)) last[name] += value;
      else if (value !== null) last[name] = value;
    }
  }

  return {
    add({ reasoning_content, reasoning_details }) {
      if (member === "reasoning_content") {
        if (isText(reasoning_content)) content += reasoning_content;
      } else if (Array.isArray(reasoning_details)) {
        for (const detail of reasoning_details) {
          if (!isObject(detail)) continue;
          // Nobody else stops a provider that does not stop with it: it is no part of what is told.
          unseenLength += JSON.stringify(detail).length;
          if (unseenLength > maxUnseenLength)
            throw new ProviderError("interrupted", "the answer's reasoning_details do not end");
          addDetail({ ...detail });
        }
      }
    },
    finish() {
      const value = member === "reasoning_content" ? content : details;
      if (value.length === 0) return undefined;
      return JSON.stringify({ [member]: value });
    },
  };
}

/**
 * The member to be put beside an assistant's tool calls: what `finish` gave, if it is that. Callers can write anything into a continuation;
 * of what they wrote nothing but this member is sent, and only in its own type.
 */
export function readContinuation(
  continuation: string | undefined,
  member: ContinuationMember,
): { [name in ContinuationMember]?: unknown } | undefined {
  if (continuation === undefined) return undefined;
  const value = (parseJson(continuation) as WireThoughts | undefined)?.[member];
  const isIts =
    member === "reasoning_content" ? isText(value) : Array.isArray(value) && value.every(isObject);
  return isIts ? { [member]: value } : undefined;
}
