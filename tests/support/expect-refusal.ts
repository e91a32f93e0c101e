import { expect } from "vitest";
import { createChatClient } from "./chat-client.ts";
import type { Database } from "./open-database.ts";
import type { Caller } from "./people.ts";
import { readMetering, untouched } from "./read-metering.ts";

export interface Refusal {
  /** 400 where absent. */
  status?: number;
  /** `invalid_request` where absent. */
  code?: string;
  /** Null where no field is at fault. */
  param: string | null;
  /** What the message says of the remedy. */
  says: RegExp;
}

/**
 * Expects that a chat is refused, in one piece and as a stream, in one sentence that says what helps, and that somebody who has
 * not used anything still has not: without a hold no provider is called.
 */
export function createRefusalCheck(sql: Database) {
  const chats = createChatClient();

  return async function expectRefusal(
    person: Caller,
    body: Record<string, unknown>,
    { status = 400, code = "invalid_request", param, says }: Refusal,
  ): Promise<void> {
    for (const stream of [false, true]) {
      const answer = await chats.ask(person, { ...body, stream });
      expect([answer.status, answer.error?.code, answer.error?.param]).toEqual([status, code, param]);
      expect(answer.error.message).toMatch(says);
      expect(answer.error.message).toMatch(/^[\S ]{10,240}\.$/);
      expect(answer.headers.get("content-type")).toBe("application/json");
    }
    expect(await readMetering(sql, person.userId)).toEqual(untouched);
    expect(await sql`select from public.conversations where user_id = ${person.userId}`).toHaveLength(0);
  };
}
