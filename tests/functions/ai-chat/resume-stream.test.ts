import { randomUUID } from "node:crypto";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createChatClient } from "../../support/chat-client.ts";
import { connectDatabase } from "../../support/connect-database.ts";
import { type ExtraFunction, startExtraFunction } from "../../support/extra-function.ts";
import type { Caller } from "../../support/people.ts";
import { watchProvider } from "../../support/provider-calls.ts";
import { formats, signUpFor } from "../../support/provider-formats.ts";
import { readRest, type StreamEvent, waitForEvent } from "../../support/read-events.ts";
import { createReplyClient, idOf, joinReply, lastIdOf, outlineOf } from "../../support/reply-client.ts";

const sql = connectDatabase();
const provider = watchProvider();
// Two instances beside the stack's: the one that a client comes back to is not the one that it left.
let instances: ExtraFunction[];
let chats: ReturnType<typeof createChatClient>;
let elsewhere: ReturnType<typeof createReplyClient>[];

beforeAll(async () => {
  instances = await Promise.all([startExtraFunction(), startExtraFunction()]);
  chats = createChatClient(instances[0]?.url);
  elsewhere = [createReplyClient(instances[1]?.url), createReplyClient()];
});
afterAll(() => Promise.all(instances.map((instance) => instance.stop())));

const tool = (name: string) => ({
  name,
  parameters: { type: "object", properties: { city: { type: "string" }, days: { type: "integer" } } },
});
const richRequest = {
  message: "How is the weather, 東京 and 🌊?",
  options: { tools: [tool("look"), tool("wait")], reasoningEffort: "low", maxTokens: 4000 },
};

/** The events of a chat, and the id of its request. */
async function readChat(
  caller: Caller,
  request: Record<string, unknown> = { message: "Tell me of tides, 東京 and 🌊." },
) {
  const events = await chats.stream(caller, request);
  return { events, id: idOf(events) };
}

/** Expects that what a client had and what it gets now is the whole, told once. */
function expectWhole(had: StreamEvent[], gets: StreamEvent[], whole: StreamEvent[]): void {
  expect(joinReply([...had, ...gets])).toEqual(joinReply(whole));
  expect(gets.at(-1)?.type).toBe(whole.at(-1)?.type);
  const [told, tells] = [whole.at(-1), gets.at(-1)];
  if (told?.type !== "done" || tells?.type !== "done") return;
  const { id, conversationId, model, provider, attempts, finishReason, usage, costNano, estimated } =
    told.data;
  expect(tells.data).toMatchObject({
    ...{ id, conversationId, model, provider, attempts, finishReason, usage, costNano, estimated },
  });
  expect(tells.data.continuation).toBe(told.data.continuation);
}

describe("a reply that is over", () => {
  test("goes on exactly where a client lost it, wherever that was: thoughts, text and calls of tools", async () => {
    const caller = await signUpFor(sql, "anthropic", { simulate: "reasoning=12;tokens=20;tools=2;tps=100" });
    const { events, id } = await readChat(caller, richRequest);
    expect(outlineOf(events)).toEqual(["start", "reasoning", "chunk", "tool_call", "done"]);
    expect(joinReply(events).toolCalls).toHaveLength(2);
    const cuts = [...events.keys()].slice(1);
    expect(cuts.length).toBeGreaterThan(5);
    await Promise.all(
      cuts.map(async (cut, index) => {
        const had = events.slice(0, cut);
        const gets = await elsewhere[index % elsewhere.length]?.resume(caller, id, lastIdOf(had));
        expectWhole(had, gets ?? [], events);
      }),
    );
  });

  test("goes on from any character, of what kind so ever", async () => {
    const caller = await signUpFor(sql, "anthropic", { simulate: "reasoning=12;tokens=20;tools=2" });
    const { events, id } = await readChat(caller, richRequest);
    const { content, reasoning, toolCalls } = joinReply(events);
    const upTo = (text = "") => fc.integer({ min: 0, max: text.length });
    const places = fc.tuple(upTo(content), upTo(reasoning), ...toolCalls.map((call) => upTo(call.arguments)));
    await fc.assert(
      fc.asyncProperty(places, fc.constantFrom(...elsewhere), async ([said, thought, ...called], client) => {
        const gets = joinReply(await client.resume(caller, id, `1.${said}.${thought}.${called.join(".")}`));
        expect(content.slice(0, said) + gets.content).toBe(content);
        expect(reasoning.slice(0, thought) + gets.reasoning).toBe(reasoning);
        for (const [index, place] of called.entries()) {
          const whole = toolCalls[index]?.arguments ?? "";
          expect(whole.slice(0, place) + (gets.toolCalls[index]?.arguments ?? "")).toBe(whole);
        }
      }),
      { numRuns: 40 },
    );
  });

  test.each([
    ["no id", undefined],
    ["an empty one", ""],
    ["no id of ours", "7"],
    ["one that cannot be", "0.1.2"],
    ["a hostile one", `1.${"9".repeat(3000)}`],
    ["that of a longer reply", "1.99999.0"],
    ["that of a reply with other tools", "1.0.0.5.5.5"],
    ["that of a reply of a later provider", "4.12.0"],
  ])("is told from its beginning to a client that comes with %s", async (_what, lastEventId) => {
    const caller = await signUpFor(sql, "openai", { simulate: "tokens=20" });
    const { events, id } = await readChat(caller);
    for (const client of elsewhere) {
      const gets = await client.resume(caller, id, lastEventId);
      // What it had is another reply's, if anything: it is told to drop it.
      expect(["start", "restart"]).toContain(gets[0]?.type);
      expectWhole([], gets, events);
    }
  });

  test("has ids with which a client may come back once more", async () => {
    const caller = await signUpFor(sql, "openai", { simulate: "tokens=20" });
    const { events, id } = await readChat(caller);
    const again = await elsewhere[0]?.resume(caller, id);
    expect(lastIdOf(again ?? [])).toBe(lastIdOf(events));
    const rest = await elsewhere[1]?.resume(caller, id, lastIdOf(events));
    expect(outlineOf(rest ?? [])).toEqual(["done"]);
  });
});

describe("a reply that still grows", () => {
  /** Comes back in the middle of a chat, again and again, and expects every time that nothing is missing. */
  async function expectResumable(caller: Caller, request: Record<string, unknown>, maxReturns: number) {
    const { events } = await chats.open(caller, request);
    const whole: StreamEvent[] = [];
    const comings: Promise<{ had: StreamEvent[]; gets: StreamEvent[] }>[] = [];
    for await (const event of events) {
      whole.push(event);
      if (whole.length % 9 !== 2 || comings.length === maxReturns || event.type === "done") continue;
      const had = [...whole];
      const client = elsewhere[comings.length % elsewhere.length];
      const coming = client?.resume(caller, idOf(whole), lastIdOf(had)).then((gets) => ({ had, gets }));
      if (coming) comings.push(coming);
    }
    // How many tokens come in one piece is the machine's affair.
    expect(comings.length).toBeGreaterThan(1);
    for (const { had, gets } of await Promise.all(comings)) expectWhole(had, gets, whole);
    return whole;
  }

  test("goes on to its end, whenever its client comes back", async () => {
    const caller = await signUpFor(sql, "openai", { simulate: "tokens=130;tps=40" });
    const whole = await expectResumable(caller, { message: "Tell me of tides, 東京 and 🌊." }, 12);
    expect(outlineOf(whole)).toEqual(["start", "chunk", "done"]);
    expect(await sql`select from private.reply_parts where request_id = ${idOf(whole)}`).not.toHaveLength(0);
  });

  test("goes on with its thoughts and its calls of tools", async () => {
    const caller = await signUpFor(sql, "anthropic", { simulate: "reasoning=60;tokens=40;tools=2;tps=50" });
    const whole = await expectResumable(caller, richRequest, 10);
    expect(outlineOf(whole)).toEqual(["start", "reasoning", "chunk", "tool_call", "done"]);
  });

  test("is taken back where another provider began again, also from a client that was away", async () => {
    const caller = await signUpFor(sql, "openai", {
      routes: [
        { provider: "openai", upstream: formats.openai, simulate: "tokens=80;tps=40;cut=60" },
        { provider: "google", upstream: formats.google, simulate: "tokens=70;tps=40", priority: 1 },
      ],
    });
    const whole = await expectResumable(caller, { message: "Tell me of tides, 東京 and 🌊." }, 12);
    expect(outlineOf(whole)).toEqual(["start", "chunk", "restart", "chunk", "done"]);
    expect(whole.at(-1)).toMatchObject({ data: { provider: "google", attempts: 2 } });
    // And after its end.
    const restart = whole.findIndex(({ type }) => type === "restart");
    expect(whole[restart]).toMatchObject({ id: "2.0.0", data: { attempts: 2 } });
    for (const cut of [1, 5, restart, restart + 1, restart + 2, whole.length - 1]) {
      const had = whole.slice(0, cut);
      const gets = await elsewhere[0]?.resume(caller, idOf(whole), lastIdOf(had));
      expectWhole(had, gets ?? [], whole);
    }
  });

  test("is not taken back once more from a client that was cut off right behind that", async () => {
    const caller = await signUpFor(sql, "openai", {
      routes: [
        { provider: "openai", upstream: formats.openai, simulate: "tokens=20;cut=9" },
        { provider: "google", upstream: formats.google, simulate: "tokens=70;tps=40", priority: 1 },
      ],
    });
    const { events } = await chats.open(caller, { message: "Tell me of tides." });
    const had: StreamEvent[] = [];
    for await (const event of events) {
      had.push(event);
      if (event.type === "restart") break;
    }
    expect(lastIdOf(had)).toBe("2.0.0");
    for (const client of elsewhere) {
      const gets = await client.resume(caller, idOf(had), lastIdOf(had));
      expect(outlineOf(gets)).toEqual(["chunk", "done"]);
      expect(joinReply([...had, ...gets]).content).toMatch(/^You said: Tell me of tides\./);
      // Who lost more is told so, with an id of the same kind.
      const early = await client.resume(caller, idOf(had), lastIdOf(had.slice(0, 2)));
      expect(early[0]).toMatchObject({ type: "restart", id: "2.0.0" });
    }
  });

  test("is interrupted for a client that comes back to one that breaks off", async () => {
    const caller = await signUpFor(sql, "openai", { simulate: "tokens=90;tps=40;cut=70" });
    const whole = await expectResumable(caller, { message: "Tell me of tides." }, 5);
    expect(outlineOf(whole)).toEqual(["start", "chunk", "error"]);
  });

  test("is a stream that stays open while nothing comes, and ends when the reply does", async () => {
    const hold = randomUUID();
    const caller = await signUpFor(sql, "openai", { simulate: `tokens=20;hold=${hold}@5` });
    const { events } = await chats.open(caller, { message: "Tell me of tides." });
    const { data } = await waitForEvent(events, "start");
    const client = elsewhere[0] as ReturnType<typeof createReplyClient>;
    const { headers, events: later } = await client.open(caller, data.id);
    expect(headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
    expect(headers.get("cache-control")).toContain("no-cache");
    expect(await waitForEvent(later, "start")).toMatchObject({
      data: { id: data.id, conversationId: data.conversationId, model: data.model },
    });
    await provider.release(hold);
    const [first, rest] = await Promise.all([readRest(events), readRest(later)]);
    expect(joinReply(rest)).toEqual(joinReply(first));
    expect(outlineOf(rest)).toEqual(["chunk", "done"]);
  });
});
