import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createCallRecord } from "../../local/simulator/call-record.ts";
import { startSimulator } from "../../local/simulator/simulator.ts";
import { createSimulatorClient, readBody, readChunks, readReply, readUntil } from "./simulator-client.ts";

let simulator: Awaited<ReturnType<typeof startSimulator>>;
let client: ReturnType<typeof createSimulatorClient>;

beforeAll(async () => {
  simulator = await startSimulator({ port: 0 });
  client = createSimulatorClient(simulator.url);
});
afterAll(() => simulator.stop());

async function listCalls(query: string) {
  const response = await fetch(`${simulator.url}/_simulator/calls?${query}`);
  return { status: response.status, ...(await response.json()) };
}

describe("the usage", () => {
  test("counts reasoning in the output and cached tokens in the prompt", async () => {
    const model = "gpt-4o-mini;tokens=10;reasoning=64;cached=8";
    const { usage } = await (await client.ask("Reasoned and cached", { model })).json();
    expect(usage).toMatchObject({
      prompt_tokens: 12,
      completion_tokens: 74,
      total_tokens: 86,
      prompt_tokens_details: { cached_tokens: 8 },
      completion_tokens_details: { reasoning_tokens: 64 },
    });
    const { text } = await readBody(await client.ask("Reasoned and cached", { model, stream: true }));
    expect(readReply(text).tokens).toBe(10);
    const [call] = (await listCalls("contains=Reasoned")).calls;
    expect(call.usage).toEqual({
      inputTokens: 4,
      cacheReadTokens: 8,
      cacheWriteTokens: 0,
      outputTokens: 74,
      reasoningTokens: 64,
    });
  });

  test("never exceeds max_tokens, reasoning included", async () => {
    for (const [limit, reasoning, tokens] of [
      [70, 64, 6],
      [30, 30, 0],
    ]) {
      const extra = { model: "gpt-4o-mini;reasoning=64", max_completion_tokens: limit };
      const { usage, choices } = await (await client.ask("Limited", extra)).json();
      expect(usage.completion_tokens).toBe(limit);
      expect(usage.completion_tokens_details.reasoning_tokens).toBe(reasoning);
      expect(choices[0].finish_reason).toBe("length");
      const { text } = await readBody(await client.ask("Limited", { ...extra, stream: true }));
      expect(readReply(text).tokens).toBe(tokens);
    }
  });
});

describe("the record", () => {
  test("shows a call as it was asked and what it costs", async () => {
    const messages = [
      { role: "system", content: "Be brief." },
      { role: "user", content: "Recorded once" },
    ];
    const model = "gpt-4o-mini;tokens=9";
    const { id, usage } = await (await client.ask("", { model, messages, max_tokens: 20 })).json();
    expect(await listCalls("contains=Recorded%20once")).toEqual({
      status: 200,
      calls: [
        {
          id,
          format: "openai",
          model,
          key: "cdef",
          stream: false,
          maxTokens: 20,
          prompt: "Be brief.\nRecorded once",
          body: { model, messages, max_tokens: 20 },
          state: "completed",
          thoughtsSent: 0,
          tokensSent: 9,
          usage: {
            inputTokens: usage.prompt_tokens,
            cacheReadTokens: 0,
            cacheWriteTokens: 0,
            outputTokens: 9,
            reasoningTokens: 0,
          },
          billNano: usage.prompt_tokens * 150 + 9 * 600,
          startedAt: expect.stringMatching(/^\d{4}-.*Z$/),
          endedAt: expect.stringMatching(/^\d{4}-.*Z$/),
        },
      ],
    });
  });

  test.each([
    ["refused", "status=500", "failed", null],
    ["mistyped", "tokns=3", "failed", null],
    ["cut", "cut=4", "failed", 4],
    ["broken by an error", "error=4", "failed", 4],
    ["ended early", "end=4", "failed", 4],
    ["malformed", "malformed=4", "completed", 50],
    ["without usage", "usage=none", "completed", 50],
  ])("bills a stream that is %s for what was sent", async (what, commands, state, outputTokens) => {
    const text = `A stream that is ${what}`;
    await readBody(await client.stream(text, commands));
    const [call] = await client.waitForCalls(text, state);
    expect(call?.usage?.outputTokens ?? null).toBe(outputTokens);
  });

  test("bills a client that leaves for the prompt and what was sent, with the reasoning before it", async () => {
    const controller = new AbortController();
    const commands = "hold=leaving@2;reasoning=5";
    const response = await client.stream("Leaving early", commands, { signal: controller.signal });
    await readUntil(response, (text) => readReply(text).tokens === 2);
    controller.abort();
    const [call] = await client.waitForCalls("Leaving early", "aborted");
    expect(call?.usage).toMatchObject({ inputTokens: 11, outputTokens: 7, reasoningTokens: 5 });
  });

  test("bills a JSON answer that breaks for the whole of it", async () => {
    await readBody(await client.ask("Broken JSON", { model: "gpt-4o-mini;cut=3" }));
    const [call] = await client.waitForCalls("Broken JSON", "failed");
    expect(call?.usage?.outputTokens).toBe(50);
  });

  test("holds a call with an invalid key, without usage", async () => {
    const headers = { authorization: "Bearer sk-invalid-0123456789" };
    expect((await client.ask("Wrong key", {}, { headers })).status).toBe(401);
    const { calls } = await listCalls("contains=Wrong%20key");
    expect(calls).toMatchObject([{ state: "failed", usage: null }]);
    expect(JSON.stringify(calls)).not.toContain("sk-invalid");
  });

  test("keeps the start and the end of a long prompt", async () => {
    await client.ask(`Prompt start ${"x".repeat(500_000)} prompt end`);
    const [call] = (await listCalls("contains=Prompt%20start")).calls;
    expect(call.prompt).toHaveLength(4096);
    expect(call.prompt.endsWith(" prompt end")).toBe(true);
  });

  test("keeps the last 10,000 calls in order", () => {
    const record = createCallRecord();
    const asked = {
      format: "openai",
      model: "m",
      key: "",
      stream: false,
      maxTokens: null,
      prompt: "p",
      body: {},
    };
    for (let at = 0; at < 10_003; at++) record.open({ ...asked, id: String(at) });
    const ids = record.find("p").map((call) => Number(call.id));
    expect(ids).toEqual(Array.from({ length: 10_000 }, (_, at) => at + 3));
  });
});

describe("waiting for a call", () => {
  test("ends as soon as a call whose prompt contains the text is in that state", async () => {
    const waiting = client.waitForCalls("Awaited call", "completed");
    await client.ask("Another call");
    const response = await client.stream("Awaited call", "hold=awaited");
    await client.waitForCalls("Awaited call", "running");
    await client.release("awaited");
    await readBody(response);
    expect(await waiting).toMatchObject([{ prompt: "Awaited call", state: "completed" }]);
  });

  test("answers at once for a call that is in that state already, and shows all that match", async () => {
    await client.ask("Twice");
    await client.ask("Twice", { model: "gpt-4o-mini;status=500" });
    const calls = await client.waitForCalls("Twice", "completed");
    expect(calls.map((call) => call.state)).toEqual(["completed", "failed"]);
  });

  test("for an unknown state, or with an unknown parameter, is a 400", async () => {
    expect(await listCalls("wait=done")).toMatchObject({
      status: 400,
      error: expect.stringContaining("done"),
    });
    expect(await listCalls("contain=x")).toMatchObject({
      status: 400,
      error: expect.stringContaining("contain"),
    });
    const unknown = await fetch(`${simulator.url}/_simulator/call`);
    expect(unknown.status).toBe(404);
  });
});

test("stop breaks off the calls that still run and frees the port", async () => {
  const own = await startSimulator({ port: 0 });
  const asker = createSimulatorClient(own.url);
  const response = await asker.stream("Stopped", "hold=for-ever");
  const waiting = asker.waitForCalls("Never asked", "completed").catch((error) => error);
  await readUntil(response.clone(), (text) => readChunks(text).length > 1);
  await own.stop();
  expect((await readBody(response)).broken).toBe(true);
  expect(await waiting).toBeInstanceOf(Error);
  const port = Number(new URL(own.url).port);
  const again = await startSimulator({ port });
  await again.stop();
});
