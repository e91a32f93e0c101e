import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startSimulator } from "../../local/simulator/simulator.ts";
import {
  createSimulatorClient,
  readBody,
  readChunks,
  readData,
  readReply,
  readUntil,
} from "./simulator-client.ts";

let simulator: Awaited<ReturnType<typeof startSimulator>>;
let client: ReturnType<typeof createSimulatorClient>;

beforeAll(async () => {
  simulator = await startSimulator({ port: 0 });
  client = createSimulatorClient(simulator.url);
});
afterAll(() => simulator.stop());

/** Asks for a JSON answer with these commands. */
function askJson(text: string, commands: string, extra: Record<string, unknown> = {}) {
  return client.ask(text, { model: `gpt-4o-mini;${commands}`, ...extra });
}

describe("commands", () => {
  test("work in the model name and in the header, and the model name is answered without them", async () => {
    const inModel = await (await askJson("Where", "tokens=3")).json();
    const headers = { authorization: "Bearer sk-test", "x-simulate": "tokens=3" };
    const inHeader = await (await client.ask("Where", {}, { headers })).json();
    expect(inModel.usage.completion_tokens).toBe(3);
    expect(inHeader.choices).toEqual(inModel.choices);
    expect(inModel.model).toBe("gpt-4o-mini");
  });

  test.each([
    ["tokns=3", "tokns"],
    ["", "unknown command"],
    ["tokens", "tokens"],
    ["tokens=0", "1 to 100000"],
    ["tokens=3.5", "3.5"],
    ["tokens=3;tokens=4", "twice"],
    ["tps=-1", "tps"],
    ["latency=1e3", "latency"],
    ["headers=late", "headers"],
    ["usage=all", "usage"],
    ["silent=1", "silent"],
    ["status=418", "418"],
    ["status=toString", "toString"],
    ["status=503;code=insufficient_quota", "insufficient_quota"],
    ["code=insufficient_quota", "status"],
    ["status=500;headers=early", "headers=early"],
    ["tokens=5;cut=6", "0 to 5"],
    ["tokens=5;hold=gate@6", "hold"],
    ["hold=no spaces", "no spaces"],
    ["hold=gate@nowhere", "gate@nowhere"],
    ["cut=3;stall=4", "cut, stall"],
    ["status=500;silent", "status, silent"],
    ["cached=900", "cached=900"],
  ])("that cannot be carried out are refused by name: %s", async (commands, named) => {
    const response = await askJson("Typo", commands);
    expect(response.status).toBe(400);
    const { error } = await response.json();
    expect(error).toMatchObject({ type: "invalid_request_error", param: "model", code: "invalid_command" });
    expect(error.message).toContain(named);
  });
});

describe("refusals", () => {
  test.each([
    ["status=400", 400, "invalid_request_error", "decimal_above_max_value"],
    ["status=400;code=context_length_exceeded", 400, "invalid_request_error", "context_length_exceeded"],
    ["status=401", 401, "invalid_request_error", "invalid_api_key"],
    ["status=429", 429, "requests", "rate_limit_exceeded"],
    ["status=429;code=insufficient_quota", 429, "insufficient_quota", "insufficient_quota"],
    ["status=500", 500, "server_error", null],
    ["status=503", 503, "service_unavailable_error", "server_is_overloaded"],
  ])("%s has OpenAI's body, streaming or not", async (commands, status, type, code) => {
    for (const response of [await askJson("No", commands), await client.stream("No", commands)]) {
      expect(response.status).toBe(status);
      expect(response.headers.get("content-type")).toBe("application/json");
      const { error } = await response.json();
      expect(error).toMatchObject({ message: expect.any(String), type, code });
      expect(error).toHaveProperty("param");
    }
  });

  test("a rate limit says when to come back, an exhausted quota does not", async () => {
    const limited = await askJson("No", "status=429");
    expect(limited.headers.get("retry-after")).toBe("2");
    expect(limited.headers.get("retry-after-ms")).toBe("2000");
    const exhausted = await askJson("No", "status=429;code=insufficient_quota");
    expect(exhausted.headers.get("retry-after")).toBeNull();
  });
});

describe("a stream", () => {
  test("with cut=3 breaks in the middle of the fourth token's chunk", async () => {
    const { text, broken } = await readBody(await client.stream("Cut", "cut=3"));
    expect(broken).toBe(true);
    expect(readReply(text).tokens).toBe(3);
    expect(text.split("\n\n").at(-1)).toMatch(/^data: \{"id":"chatcmpl-/);
  });

  test("with error=3 ends in an error after three tokens", async () => {
    const { text, broken } = await readBody(await client.stream("Error", "error=3"));
    expect(broken).toBe(false);
    expect(readReply(text).tokens).toBe(3);
    expect(JSON.parse(readData(text).at(-1) ?? "")).toEqual({
      error: { message: expect.any(String), type: "server_error", param: null, code: null },
    });
  });

  test("with end=3 closes after three tokens without a finish and without [DONE]", async () => {
    const { text, broken } = await readBody(await client.stream("End", "end=3"));
    expect(broken).toBe(false);
    expect(readReply(text).tokens).toBe(3);
    expect(readChunks(text).every((chunk) => chunk.choices[0]?.finish_reason === null)).toBe(true);
    expect(text).not.toContain("[DONE]");
  });

  test("with malformed=3 has one broken chunk after three tokens and is complete without it", async () => {
    const whole = await readBody(await client.stream("Malformed"));
    const { text } = await readBody(await client.stream("Malformed", "malformed=3"));
    expect(readData(text)).toHaveLength(readData(whole.text).length + 1);
    expect(() => JSON.parse(readData(text)[4] ?? "")).toThrow();
    expect(readReply(text)).toEqual(readReply(whole.text));
    expect(text.endsWith("data: [DONE]\n\n")).toBe(true);
  });

  test("with stall=3 sends three tokens and then nothing until the client leaves", async () => {
    const controller = new AbortController();
    const response = await client.stream("Stall here", "stall=3", { signal: controller.signal });
    await readUntil(response, (text) => readReply(text).tokens === 3);
    const [running] = await client.waitForCalls("Stall here", "running");
    controller.abort();
    const [aborted] = await client.waitForCalls("Stall here", "aborted");
    expect([running?.tokensSent, aborted?.tokensSent]).toEqual([3, 3]);
  });

  test("with usage=none tells no usage", async () => {
    const { text } = await readBody(await client.stream("Usage", "usage=none"));
    for (const chunk of readChunks(text)) expect(chunk).not.toHaveProperty("usage");
    expect(await (await askJson("Usage", "usage=none")).json()).not.toHaveProperty("usage");
  });

  test("that is larger than what the client reads at once arrives whole", async () => {
    const { text } = await readBody(await client.stream("Long", "tokens=20000"));
    expect(readReply(text).tokens).toBe(20_000);
  });
});

describe("time", () => {
  test("latency holds the headers back, headers=early sends them at once", async () => {
    const late = new AbortController();
    const asking = client.stream("Late headers", "latency=600000", { signal: late.signal });
    const refused = expect(asking).rejects.toThrow("aborted");
    await client.waitForCalls("Late headers", "running");
    late.abort();
    await refused;
    const early = new AbortController();
    const commands = "latency=600000;headers=early";
    const response = await client.stream("Early headers", commands, { signal: early.signal });
    expect(response.status).toBe(200);
    early.abort();
    for (const text of ["Late headers", "Early headers"])
      expect(await client.waitForCalls(text, "aborted")).toMatchObject([{ tokensSent: 0 }]);
  });

  test("a reply comes whole after its latency, and after early headers", async () => {
    const plain = await readBody(await client.stream("Latency"));
    for (const commands of ["latency=20", "latency=20;headers=early", "tps=5000"]) {
      const { text } = await readBody(await client.stream("Latency", commands));
      expect(readReply(text)).toEqual(readReply(plain.text));
      const json = await (await askJson("Latency", commands)).json();
      expect(json.choices[0].message.content).toBe(readReply(plain.text).content);
    }
  });

  test("tps spaces the tokens: a client that leaves after the first has not been sent the rest", async () => {
    const controller = new AbortController();
    const response = await client.stream("Paced tokens", "tps=1;tokens=1000", { signal: controller.signal });
    await readUntil(response, (text) => readReply(text).tokens > 0);
    controller.abort();
    const [call] = await client.waitForCalls("Paced tokens", "aborted");
    expect(call?.tokensSent).toBeLessThan(1000);
  });

  test("a client that leaves before a paced JSON answer or a late refusal is told nothing", async () => {
    for (const commands of ["tps=1;tokens=1000", "latency=600000;status=500"]) {
      const controller = new AbortController();
      const extra = { model: `gpt-4o-mini;${commands}` };
      const asking = client.ask(`Left ${commands}`, extra, { signal: controller.signal });
      const refused = expect(asking).rejects.toThrow("aborted");
      await client.waitForCalls(`Left ${commands}`, "running");
      controller.abort();
      await refused;
      expect(await client.waitForCalls(`Left ${commands}`, "aborted")).toMatchObject([{ tokensSent: 0 }]);
    }
  });

  test("silent never answers", async () => {
    const controller = new AbortController();
    const asking = client.stream("Silence", "silent", { signal: controller.signal });
    const refused = expect(asking).rejects.toThrow("aborted");
    await client.waitForCalls("Silence", "running");
    controller.abort();
    await refused;
    expect(await client.waitForCalls("Silence", "aborted")).toMatchObject([{ tokensSent: 0 }]);
  });
});

describe("a hold", () => {
  test("stops a stream after its first token until it is released", async () => {
    const response = await client.stream("Hold first", "hold=first");
    const head = await readUntil(response.clone(), (text) => readReply(text).tokens > 0);
    expect(readReply(head).tokens).toBe(1);
    expect(await client.waitForCalls("Hold first", "running")).toMatchObject([{ tokensSent: 1 }]);
    expect(await client.release("first")).toBe(1);
    const { text } = await readBody(response);
    expect(readReply(text).tokens).toBe(50);
  });

  test("with @n stops it after n tokens, also before the first and after the last", async () => {
    for (const tokens of [0, 7, 50]) {
      const text = `Hold at ${tokens} tokens`;
      const response = await client.stream(text, `hold=at-${tokens}@${tokens}`);
      await readUntil(response.clone(), (read) => readChunks(read).length === tokens + 1);
      expect(await client.waitForCalls(text, "running")).toMatchObject([{ tokensSent: tokens }]);
      await client.release(`at-${tokens}`);
      expect(readReply((await readBody(response)).text).tokens).toBe(50);
    }
  });

  test("that is released before a call comes to it does not stop the call", async () => {
    expect(await client.release("open")).toBe(0);
    expect((await (await askJson("Open", "hold=open")).json()).usage.completion_tokens).toBe(50);
  });

  test("stops a JSON answer before it is sent, and lets a client go that leaves", async () => {
    const controller = new AbortController();
    const init = { signal: controller.signal };
    const asking = client.ask("Held JSON", { model: "gpt-4o-mini;hold=json" }, init);
    const refused = expect(asking).rejects.toThrow("aborted");
    await client.waitForCalls("Held JSON", "running");
    controller.abort();
    await refused;
    expect(await client.waitForCalls("Held JSON", "aborted")).toMatchObject([{ tokensSent: 0 }]);
    expect(await client.release("json")).toBe(0);
  });
});

test("what should happen after more tokens than max_tokens allows does not happen", async () => {
  for (const fault of ["malformed=9", "cut=9", "error=9", "end=9", "stall=9", "hold=never@9"]) {
    const extra = { model: `gpt-4o-mini;${fault}`, max_tokens: 5 };
    const { text, broken } = await readBody(await client.ask("Short", { ...extra, stream: true }));
    expect(broken).toBe(false);
    expect(readReply(text).tokens).toBe(5);
    expect(text.endsWith("data: [DONE]\n\n")).toBe(true);
    const json = await (await client.ask("Short", extra)).json();
    expect(json.choices[0].message.content).toBe(readReply(text).content);
  }
});

describe("a JSON answer", () => {
  test("is cut in the middle of its body", async () => {
    const response = await askJson("Cut JSON", "cut=3");
    expect(response.status).toBe(200);
    const { text, broken } = await readBody(response);
    expect(broken).toBe(true);
    expect(text).toMatch(/^\{"id":"chatcmpl-/);
  });

  test.each(["end=3", "malformed=3"])("with %s is half a body that looks whole", async (commands) => {
    const { text, broken } = await readBody(await askJson("Half", commands));
    expect(broken).toBe(false);
    expect(() => JSON.parse(text)).toThrow("JSON");
  });

  test("with error=3 is a server error", async () => {
    expect((await askJson("Error", "error=3")).status).toBe(500);
  });

  test("with stall=3 stops in the middle until the client leaves", async () => {
    const controller = new AbortController();
    const extra = { model: "gpt-4o-mini;stall=3" };
    const response = await client.ask("Stalled JSON", extra, { signal: controller.signal });
    await readUntil(response, (text) => text.length > 0);
    await client.waitForCalls("Stalled JSON", "running");
    controller.abort();
    await client.waitForCalls("Stalled JSON", "aborted");
  });
});
