import { randomUUID } from "node:crypto";
import { expect, inject } from "vitest";

/** An item of `begin_chats` for a short new conversation of somebody, but for what is given. */
export function itemFor({ userId }: { userId: string }, extra: Record<string, unknown> = {}) {
  return {
    hold_id: randomUUID(),
    user_id: userId,
    conversation_id: randomUUID(),
    continues: false,
    prompt_bytes: 10,
    prompt_messages: 1,
    overhead_tokens: 0,
    images: 0,
    output_modality: "text",
    needs: [],
    max_output_tokens: 50,
    ...extra,
  };
}

/** Calls a function of the database's API as the functions do, and returns what it answers. */
export async function callDatabase<Result>(name: string, body: Record<string, unknown>): Promise<Result> {
  const { apiUrl, secretKey } = inject("stack");
  const response = await fetch(`${apiUrl}/rest/v1/rpc/${name}`, {
    method: "POST",
    headers: { apikey: secretKey, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const answer: unknown = await response.json();
  expect([response.status, answer]).toEqual([200, expect.anything()]);
  return answer as Result;
}

/** The same, by one of many at once: who waits for the others of the same caller for too long is told so, and asks again. */
export async function callInTurn<Result>(name: string, body: Record<string, unknown>): Promise<Result> {
  for (;;)
    try {
      return await callDatabase<Result>(name, body);
    } catch (error) {
      if (!String(error).includes("55P03")) throw error;
    }
}
