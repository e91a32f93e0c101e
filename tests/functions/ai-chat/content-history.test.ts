import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createChatClient } from "../../support/chat-client.ts";
import { connectDatabase } from "../../support/connect-database.ts";
import { type ExtraFunction, startExtraFunction } from "../../support/extra-function.ts";
import { setPlan } from "../../support/people.ts";
import { watchProvider } from "../../support/provider-calls.ts";
import { abilities, type Format, formatNames, formats, signUpFor } from "../../support/provider-formats.ts";
import { joinReply } from "../../support/reply-client.ts";
import { watchBodies } from "../../support/sent-body.ts";
import { makeModel, makePlan } from "../../support/test-models.ts";
import { resultsOf, tools } from "../../support/tool-chats.ts";

const sql = connectDatabase();
const provider = watchProvider();
const bodyOf = watchBodies();
let instance: ExtraFunction;
let chats: ReturnType<typeof createChatClient>;

beforeAll(async () => {
  instance = await startExtraFunction();
  chats = createChatClient(instance.url);
});
afterAll(() => instance.stop());

test.each(formatNames)(
  "a conversation whose calls never got their results goes on without them: %s",
  async (format) => {
    const caller = await signUpFor(sql, format, { simulate: "tools=2" });
    const { result } = await chats.ask(caller, { message: randomUUID(), options: { tools } });
    const next = randomUUID();
    const { status } = await chats.ask(caller, {
      message: next,
      conversationId: result.conversationId,
      options: { tools },
    });
    expect(status).toBe(200);
    const sent = JSON.stringify(await bodyOf(next));
    expect(sent).not.toMatch(/"(tool_calls|tool_use|functionCall)"/);
    // Also where something was said beside the calls.
    await sql`update private.model_routes set upstream_model = ${`${formats[format]};tools=1;tokens=9`} where model_id = ${caller.modelId}`;
    const said = (await chats.ask(caller, { message: "Say and go.", options: { tools } })).result;
    expect(said.content).toMatch(/^You said: /);
    const last = randomUUID();
    await chats.ask(caller, { message: last, conversationId: said.conversationId, options: { tools } });
    expect(JSON.stringify(await bodyOf(last))).toContain(JSON.stringify(said.content).slice(1, -1));
  },
);

/** What a provider is given back: the turn that asked for tools, and what of it is the continuation's. */
const thoughtsOf: Partial<
  Record<Format, (turn: Record<string, unknown>, continuation: Continuation) => void>
> = {
  anthropic: ({ content }, { turn }) => expect((content as unknown[])[0]).toEqual(turn?.[0]),
  google: ({ parts }, { signatures }) =>
    expect(parts).toMatchObject([{ thoughtSignature: signatures?.[0] }, { functionCall: {} }]),
  openrouter: ({ reasoning_details: details }, { reasoning_details: given }) =>
    expect(details).toEqual(given),
};

interface Continuation {
  turn?: unknown[];
  signatures?: string[];
  reasoning_details?: unknown[];
}

describe("thoughts behind calls of tools go back unchanged to whoever thought them", () => {
  test.each<[format: Format, upstream: string]>([
    ["anthropic", formats.anthropic],
    ["google", "gemini-3-pro-preview"],
    ["openrouter", formats.openrouter],
  ])("%s", async (format, upstream) => {
    const caller = await signUpFor(sql, format, {
      simulate: "tools=2;reasoning=8;reasoning_text",
      routes: [{ provider: format, upstream }],
    });
    const options = { tools, reasoningEffort: "low", maxTokens: 4000 };
    const events = await chats.stream(caller, { message: randomUUID(), options });
    const done = events.at(-1);
    if (done?.type !== "done") throw new Error("the stream does not end well");
    const { continuation = "", conversationId } = done.data;
    const [marker, again] = [randomUUID(), randomUUID()];
    const { toolCalls } = joinReply(events);
    const messages = resultsOf(toolCalls, marker);
    expect((await chats.ask(caller, { conversationId, messages, options })).status).toBe(200);
    const stateless = [
      { role: "user", content: "Go." },
      { role: "assistant", toolCalls, continuation },
      ...resultsOf(toolCalls, again),
    ];
    expect((await chats.ask(caller, { messages: stateless, options })).status).toBe(200);
    for (const text of [marker, again]) {
      const body = await bodyOf(text);
      const turns = (body.messages ?? body.contents) as Record<string, unknown>[];
      const turn = turns.find(({ role }) => role === "assistant" || role === "model");
      thoughtsOf[format]?.(turn ?? {}, JSON.parse(continuation));
    }
  });
});

test("calls that one provider made are answered at any other", async () => {
  const models = await Promise.all(
    formatNames.map((format) =>
      makeModel(sql, {
        supportedParameters: abilities,
        routes: [
          { provider: format, upstream: formats[format], simulate: "tools=2;reasoning=4;reasoning_text" },
        ],
      }),
    ),
  );
  const caller = await signUpFor(sql, "openai");
  await setPlan(sql, caller.userId, await makePlan(sql, { models }));
  const options = { tools, maxTokens: 4000, reasoningEffort: "low" };
  const pairs = models.flatMap((from) => models.flatMap((to) => (from === to ? [] : [{ from, to }])));
  await Promise.all(
    pairs.map(async ({ from, to }) => {
      const asked = await chats.ask(caller, { message: randomUUID(), model: from, options });
      expect(asked.result.toolCalls).toHaveLength(2);
      const marker = randomUUID();
      const answered = await chats.ask(caller, {
        conversationId: asked.result.conversationId,
        messages: resultsOf(asked.result.toolCalls, marker),
        model: to,
        options,
      });
      const route = `${formatNames[models.indexOf(from)]} to ${formatNames[models.indexOf(to)]}`;
      expect([answered.status, answered.error?.code], route).toEqual([200, undefined]);
      expect((await provider.findCalls(marker)).map(({ state }) => state)).toEqual(["completed"]);
    }),
  );
});
