import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startSimulator } from "../../local/simulator/simulator.ts";
import { createSimulatorClient, readBody, readUntil } from "./simulator-client.ts";
import { type Ask, askIn, formats, readStream } from "./simulator-formats.ts";

let simulator: Awaited<ReturnType<typeof startSimulator>>;
let client: ReturnType<typeof createSimulatorClient>;

beforeAll(async () => {
  simulator = await startSimulator({ port: 0 });
  client = createSimulatorClient(simulator.url);
});
afterAll(() => simulator.stop());

describe.each(formats)("in the format of $name", (format) => {
  const ask = (asked: Ask) => askIn(simulator.url, format, asked);
  const read = async (asked: Ask) => {
    const { text, broken } = await readBody(await ask(asked));
    return { ...readStream(format, text), body: text, isCut: broken };
  };
  const fresh = (what: string) => `${format.name}: ${what}`;

  test("a stream has the text of the JSON answer, one token of four bytes an event", async () => {
    for (const text of ["What is a tide?", "日本 é 🌊!", "x".repeat(500), "\ud83c", ""]) {
      const json = await (await ask({ text: text || " ", stream: false })).json();
      const { texts, content, body } = await read({ text: text || " " });
      expect(content).toBe(format.text(json));
      expect(content).toMatch(/^You said: /);
      expect(texts).toHaveLength(50);
      expect(new Set(texts.map((token) => Buffer.byteLength(token)))).toEqual(new Set([4]));
      expect(body.endsWith(format.end)).toBe(true);
    }
  });

  test("an ASCII message is echoed as it is, and the words after it have characters of one to four bytes", async () => {
    const text = "What is a tide, and why?";
    const { content } = await read({ text, commands: "tokens=500" });
    expect(content.startsWith(`You said: ${text}`)).toBe(true);
    for (const bytes of [1, 2, 3, 4])
      expect([...content].some((character) => Buffer.byteLength(character) === bytes)).toBe(true);
  });

  test("a reply that is cut after n tokens has 4n bytes", async () => {
    for (const cut of [0, 1, 7]) {
      const { content, isCut, finish } = await read({ text: "日本 cut", commands: `cut=${cut}` });
      expect([Buffer.byteLength(content), isCut, finish]).toEqual([4 * cut, true, undefined]);
    }
  });

  test("error=3 ends the stream with the provider's error", async () => {
    const { texts, error, body, isCut } = await read({ text: "Error", commands: "error=3" });
    expect(texts).toHaveLength(3);
    expect(error).toMatchObject({ message: expect.any(String) });
    expect(isCut).toBe(false);
    if (format.end !== "") expect(body).not.toContain(format.end);
    expect((await ask({ text: "Error", commands: "error=3", stream: false })).status).toBe(500);
  });

  test("end=3 ends the stream without a finish", async () => {
    const { texts, finish, isCut } = await read({ text: "End", commands: "end=3" });
    expect([texts.length, finish, isCut]).toEqual([3, undefined, false]);
  });

  test("malformed=3 has one broken event, and the reply is complete without it", async () => {
    const whole = await read({ text: "Malformed" });
    const { content, broken, finish } = await read({ text: "Malformed", commands: "malformed=3" });
    expect([content, broken, finish]).toEqual([whole.content, 1, whole.finish]);
  });

  test("stall=3 sends three tokens and then nothing of the reply until the client leaves", async () => {
    const controller = new AbortController();
    const text = fresh("stalled");
    const response = await ask({ text, commands: "stall=3", signal: controller.signal });
    await readUntil(response, (body) => readStream(format, body).texts.length === 3);
    controller.abort();
    expect(await client.waitForCalls(text, "aborted")).toMatchObject([{ tokensSent: 3 }]);
  });

  test("done=none sends everything but the mark of the end, and stays open", async () => {
    const controller = new AbortController();
    const text = fresh("endless");
    const response = await ask({ text, commands: "done=none;tokens=5", signal: controller.signal });
    const body = await readUntil(response, (so) => readStream(format, so).finish !== undefined);
    if (format.end !== "") expect(body).not.toContain(format.end);
    await client.waitForCalls(text, "running");
    controller.abort();
    const [call] = await client.waitForCalls(text, "completed");
    expect(call).toMatchObject({ tokensSent: 5, usage: { outputTokens: 5 } });
  });

  test("first sends the headers at once and holds the first token back", async () => {
    const controller = new AbortController();
    const text = fresh("first");
    const response = await ask({ text, commands: "first=600000", signal: controller.signal });
    expect(response.status).toBe(200);
    controller.abort();
    expect(await client.waitForCalls(text, "aborted")).toMatchObject([{ tokensSent: 0 }]);
    const soon = await read({ text, commands: "first=20" });
    expect(soon.texts).toHaveLength(50);
    expect((await ask({ text, commands: "first=20", stream: false })).status).toBe(200);
  });

  test("line=300 has a line of that many kilobytes, with the same reply", async () => {
    const whole = await read({ text: "Line" });
    const { content, body } = await read({ text: "Line", commands: "line=300" });
    expect(content).toBe(whole.content);
    expect(Math.max(...body.split("\n").map((line) => line.length))).toBeGreaterThan(300 * 1024);
    const json = await (await ask({ text: "Line", commands: "line=300", stream: false })).text();
    expect(json.length).toBeGreaterThan(300 * 1024);
    expect(format.text(JSON.parse(json))).toBe(whole.content);
  });

  test("reset destroys the connection before the headers", async () => {
    for (const stream of [true, false])
      await expect(ask({ text: fresh("reset"), commands: "reset", stream })).rejects.toThrow("fetch failed");
    const calls = await client.waitForCalls(fresh("reset"), "failed");
    expect(calls).toMatchObject([
      { usage: null, billNano: 0 },
      { usage: null, billNano: 0 },
    ]);
  });

  test("with times and key, only the first calls that carry the name have the fault", async () => {
    const commands = `status=500;times=2;key=${format.name};tokens=3`;
    const statuses = [];
    for (let round = 0; round < 4; round++) statuses.push((await ask({ text: "Once", commands })).status);
    expect(statuses).toEqual([500, 500, 200, 200]);
    const other = `status=500;times=1;key=${format.name}-other`;
    expect((await ask({ text: "Once", commands: other })).status).toBe(500);
  });

  test("down refuses with 503 as long as the outage is on", async () => {
    const outage = (change: string) =>
      fetch(`${simulator.url}/_simulator/outages/${format.name}/${change}`, { method: "POST" });
    const status = async () => (await ask({ text: "Down", commands: `down=${format.name}` })).status;
    expect(await status()).toBe(200);
    expect(await (await outage("begin")).json()).toEqual({ outages: [format.name] });
    expect([await status(), await status()]).toEqual([503, 503]);
    expect((await ask({ text: "Down", commands: "down=another" })).status).toBe(200);
    expect(await (await outage("end")).json()).toEqual({ outages: [] });
    expect(await status()).toBe(200);
  });

  test("a prefill is refused on command", async () => {
    const asked = format.request(`${format.model};prefill=refused`, "Hello", false);
    const body = asked.body as Record<"messages" | "contents", object[]>;
    const [user] = body.messages ?? body.contents;
    const prefill = body.messages
      ? { messages: [user, { role: "assistant", content: "The" }] }
      : { contents: [user, { role: "model", parts: [{ text: "The" }] }] };
    expect((await ask({ text: "Hello", commands: "prefill=refused", more: prefill })).status).toBe(400);
    expect((await ask({ text: "Hello", more: prefill })).status).toBe(200);
    expect((await ask({ text: "Hello", commands: "prefill=refused" })).status).toBe(200);
  });

  test("a status that the provider never answers, and a bad command, are refused by name", async () => {
    const never = { openai: 529, anthropic: 422, google: 402, openrouter: 504 }[format.name];
    for (const [commands, named] of [
      [`status=${never}`, `status=${never}`],
      ["tokns=3", "tokns"],
    ] as const) {
      const response = await ask({ text: "Command", commands });
      expect([response.status, await response.text()]).toEqual([400, expect.stringContaining(named)]);
    }
  });

  test("usage=none tells no usage, and the call is billed all the same", async () => {
    const text = fresh("untold");
    const { body } = await read({ text, commands: "usage=none" });
    const json = await (await ask({ text, commands: "usage=none", stream: false })).text();
    for (const said of [body, json]) expect(said).not.toMatch(/"usage(Metadata)?":\{/);
    const calls = await client.waitForCalls(text, "completed");
    expect(calls.map((call) => call.usage?.outputTokens)).toEqual([50, 50]);
  });

  test("the record has the format, the end of the key and what was sent", async () => {
    const text = fresh("recorded");
    const { headers, body } = format.request(format.model, text, false);
    await ask({ text, stream: false });
    const [call] = await client.waitForCalls(text, "completed");
    const key = Object.values(headers as Record<string, string>)[0]?.slice(-4);
    expect(call).toMatchObject({ format: format.name, model: format.model, key, body, prompt: text });
  });
});

test("a keep-alive of OpenRouter is a comment, and comes first", async () => {
  const [, , , openrouter] = formats as Required<typeof formats>;
  const { text } = await readBody(await askIn(simulator.url, openrouter as never, { text: "Comment" }));
  expect(text.startsWith(": OPENROUTER PROCESSING\n\n")).toBe(true);
});
