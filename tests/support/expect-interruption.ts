import { expect } from "vitest";
import type { ErrorBody } from "../../shared/domain/errors.ts";
import type { Database } from "./open-database.ts";
import type { Person } from "./people.ts";
import type { StreamEvent } from "./read-events.ts";
import { readMetering } from "./read-metering.ts";

/** The error that closes a stream, which has one start, texts and that error. */
export function readBrokenOffStream(events: StreamEvent[]): ErrorBody["error"] | undefined {
  const types = events.map(({ type }) => type).filter((type) => type !== "comment");
  expect(types).toEqual(["start", ...Array(types.length - 2).fill("chunk"), "error"]);
  const last = events.at(-1);
  return last?.type === "error" ? last.data.error : undefined;
}

/**
 * Expects that of somebody's one chat the part which arrived is in the conversation, and estimated in the ledger: four bytes a token,
 * with 4 tokens for the message and 3 for the prompt, at 150 nano-USD a token of input and 600 of output. Returns the charge as a client is told it.
 */
export async function expectInterruption(sql: Database, person: Person, message: string, text = "") {
  expect(text).toMatch(/^You said: /);
  const inputTokens = Math.ceil(message.length / 4) + 4 + 3;
  const outputTokens = Math.ceil(Buffer.byteLength(text) / 4);
  const costNano = inputTokens * 150 + outputTokens * 600;
  const { holds, ledger, windows } = await readMetering(sql, person.userId);
  expect(holds).toMatchObject([{ state: "settled" }]);
  expect(ledger).toMatchObject([
    {
      attempt: 1,
      outcome: "interrupted",
      estimated: true,
      input_tokens: inputTokens,
      output_tokens: outputTokens,
      cost_nano: costNano,
    },
  ]);
  expect(windows).toMatchObject([{ used: 1, held: 0 }, { held: 0 }, { used: costNano, held: 0 }]);
  expect(await readTurns(sql, person)).toEqual([{ question: message, answer: text, reason: "interrupted" }]);
  const usage = { inputTokens, cacheReadTokens: 0, cacheWriteTokens: 0, outputTokens, reasoningTokens: 0 };
  return { usage, costNano, estimated: true };
}

/** The questions and answers of somebody's one conversation. */
export async function readTurns(sql: Database, { userId }: Person) {
  const rows = await sql<{ question: string; answer: string; reason: string }[]>`
    select q.content as question, a.content as answer, a.finish_reason as reason
    from public.conversations c
    join public.messages q on q.conversation_id = c.id and q.role = 'user'
    left join public.messages a on a.conversation_id = c.id and a.position = q.position + 1
    where c.user_id = ${userId} order by q.position`;
  return [...rows];
}
