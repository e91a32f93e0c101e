import fc from "fast-check";
import { expect, test } from "vitest";
import type { ReplyPart } from "../../../shared/database/replies.ts";
import { createAnswer } from "../../../shared/gateway/answer.ts";
import { createReplyWriter } from "../../../shared/gateway/reply-writer.ts";
import { toStorable } from "../../../shared/gateway/storable.ts";
import { reasoning, text } from "./live-provider.ts";

/** The table of parts, with the rules of `private.add_reply_parts`. */
function createTable() {
  const rows = new Map<number, ReplyPart>();
  return {
    add(part: ReplyPart) {
      const known = rows.get(part.part);
      const lengthOf = ({ content, reasoning }: ReplyPart) => [...content].length + [...reasoning].length;
      if (known === undefined) rows.set(part.part, part);
      else if (known.finishReason === undefined && lengthOf(known) <= lengthOf(part))
        rows.set(part.part, { ...part, attempt: known.attempt });
    },
    /** The reply as `find_request` reads it. */
    read() {
      const parts = [...rows.values()].toSorted((a, b) => a.part - b.part);
      const attempt = Math.max(...parts.map((part) => part.attempt));
      const own = parts.filter((part) => part.attempt === attempt);
      return {
        attempt,
        content: own.map((part) => part.content).join(""),
        reasoning: own.map((part) => part.reasoning).join(""),
        finishReason: own.at(-1)?.finishReason,
      };
    },
  };
}

const step = fc.record({
  waitMs: fc.constantFrom(0, 400, 1000, 3000),
  said: fc.constantFrom("a", "bc", "\uD83C", "\uDF0D", "🌍", "\u0000", ""),
  isThought: fc.boolean(),
  /** What becomes of a write that is out: it works; it works but nobody learns of it; it is lost; it arrives at the very end. */
  write: fc.constantFrom("out", "works", "works unheard", "lost", "late"),
  restarts: fc.nat(9).map((lot) => lot === 0),
});

test("whatever becomes of its writes, what stands in the table at the end is the reply", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
      const table = createTable();
      const late: ReplyPart[] = [];
      let nowMs = 0;
      let overlaps = false;
      let out: { part: ReplyPart; resolve(): void; reject(error: Error): void } | null = null;
      const writer = createReplyWriter({
        requestId: "request-1",
        isKept: false,
        now: () => nowMs,
        replies: {
          save: (part) =>
            new Promise((resolve, reject) => {
              overlaps ||= out !== null;
              out = { part, resolve, reject };
            }),
        },
      });
      const endWrite = async (how: string) => {
        if (out === null || how === "out") return;
        const { part, resolve, reject } = out;
        out = null;
        if (how === "late") late.push(part);
        if (how.startsWith("works")) table.add(part);
        if (how === "works") resolve();
        else reject(new Error("away"));
        for (let turn = 0; turn < 5; turn++) await Promise.resolve();
      };

      let attempt = 1;
      let answer = createAnswer();
      for (const { waitMs, said, isThought, write, restarts } of steps) {
        nowMs += waitMs;
        await endWrite(write);
        if (restarts) {
          attempt++;
          answer = createAnswer();
        }
        answer.add([isThought ? reasoning(said) : text(said)]);
        writer.grew(attempt, answer);
      }
      const last = writer.finish(attempt, answer, "stop");
      if (out !== null) late.push((out as { part: ReplyPart }).part);
      if (last !== undefined) table.add(last);
      for (const part of late) table.add(part);

      expect(overlaps).toBe(false);
      expect(table.read()).toEqual({
        attempt,
        content: toStorable(answer.content),
        reasoning: toStorable(answer.reasoning),
        finishReason: "stop",
      });
    }),
    { numRuns: 1000 },
  );
});
