import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createPriceList } from "../../local/simulator/price-list.ts";
import { startSimulator } from "../../local/simulator/simulator.ts";
import { createSimulatorClient, readBody, readUntil } from "./simulator-client.ts";
import { type Ask, askIn, type Format, formats, readStream } from "./simulator-formats.ts";

let simulator: Awaited<ReturnType<typeof startSimulator>>;
let client: ReturnType<typeof createSimulatorClient>;

beforeAll(async () => {
  simulator = await startSimulator({ port: 0 });
  client = createSimulatorClient(simulator.url);
});
afterAll(() => simulator.stop());

const ask = (format: Format, asked: Ask) => askIn(simulator.url, format, asked);

async function readBill(text: string) {
  const response = await fetch(`${simulator.url}/_simulator/bill?${new URLSearchParams({ contains: text })}`);
  return { status: response.status, ...(await response.json()) };
}

async function setPrices(prices: unknown) {
  const init = { method: "POST", body: JSON.stringify(prices) };
  const response = await fetch(`${simulator.url}/_simulator/prices`, init);
  return { status: response.status, ...(await response.json()) };
}

// The list price of gpt-4o-mini, in nano-USD a token.
const inputNano = 150;
const outputNano = 600;

describe.each(formats)("in the format of $name", (format) => {
  test("a call costs its prompt and its output, as JSON and as a stream", async () => {
    const text = randomUUID();
    const prompt = 36 / 4 + 4 + 3;
    await readBody(await ask(format, { text, commands: "tokens=20" }));
    await readBody(await ask(format, { text, commands: "tokens=20;cached=6;reasoning=5", stream: false }));
    const first = prompt * inputNano + 20 * outputNano;
    const second = (prompt - 6) * inputNano + (6 * inputNano) / 2 + 25 * outputNano;
    expect(await readBill(text)).toEqual({ status: 200, calls: 2, totalNano: first + second });
    const calls = await client.waitForCalls(text, "completed");
    expect(calls.map(({ billNano }) => billNano)).toEqual([first, second]);
  });

  test("a call that ends early costs its prompt and what was made, a refusal nothing", async () => {
    for (const [commands, tokens] of [
      ["cut=7", 7],
      ["error=7", 7],
      ["end=0", 0],
      ["malformed=3", 50],
      ["blocked", 0],
      ["finish=length", 50],
    ] as const) {
      const text = randomUUID();
      await readBody(await ask(format, { text, commands }));
      expect(await readBill(text)).toMatchObject({ totalNano: 16 * inputNano + tokens * outputNano });
    }
    for (const commands of ["status=500", "status=429", "reset", "tokns=3", "error=7"]) {
      const text = randomUUID();
      const stream = commands !== "error=7";
      await ask(format, { text, commands, stream }).catch(() => {});
      await client.waitForCalls(text, "failed");
      expect(await readBill(text)).toEqual({ status: 200, calls: 1, totalNano: 0 });
    }
  });

  test("a client that leaves pays for what was sent", async () => {
    const controller = new AbortController();
    const text = randomUUID();
    const response = await ask(format, { text, commands: `hold=${text}@9`, signal: controller.signal });
    await readUntil(response, (body) => readStream(format, body).texts.length === 9);
    expect(await readBill(text)).toMatchObject({ totalNano: 0 });
    controller.abort();
    await client.waitForCalls(text, "aborted");
    expect(await readBill(text)).toMatchObject({ totalNano: 16 * inputNano + 9 * outputNano });
  });
});

describe("thoughts", () => {
  const [openai, anthropic] = formats as [Format, Format];

  test("that are shown are paid for as they are sent, those that are kept with the first token", async () => {
    for (const [format, commands, thoughts] of [
      [anthropic, "reasoning=8;cut=0", 8],
      [openai, "reasoning=8;cut=0", 0],
      [openai, "reasoning=8;cut=1", 9],
      [openai, "reasoning=8;reasoning_text;cut=0", 8],
    ] as const) {
      const text = randomUUID();
      await readBody(await ask(format, { text, commands }));
      expect(await readBill(text)).toMatchObject({ totalNano: 16 * inputNano + thoughts * outputNano });
    }
  });

  test("that a client leaves in the middle of are paid for up to there", async () => {
    const controller = new AbortController();
    const text = randomUUID();
    const commands = "reasoning=1000;tps=1";
    const response = await ask(anthropic, { text, commands, signal: controller.signal });
    await readUntil(response, (body) => body.includes("thinking_delta"));
    controller.abort();
    const [call] = await client.waitForCalls(text, "aborted");
    expect(call?.thoughtsSent).toBeGreaterThan(0);
    expect(call?.usage).toMatchObject({
      outputTokens: call?.thoughtsSent,
      reasoningTokens: call?.thoughtsSent,
    });
    expect(call?.tokensSent).toBe(0);
  });
});

describe("prices", () => {
  const price = { inputUsd: "1", cacheReadUsd: "0.1", cacheWriteUsd: "1.25", outputUsd: "5" };
  const usage = {
    inputTokens: 3,
    cacheReadTokens: 5,
    cacheWriteTokens: 7,
    outputTokens: 11,
    reasoningTokens: 2,
  };

  test("are set by model, without its commands", async () => {
    const model = `model-${randomUUID()}`;
    const outputUsd = "0.000001";
    expect(await setPrices({ [model]: { ...price, inputUsd: "0.0000005", outputUsd } })).toMatchObject({
      status: 200,
    });
    const text = randomUUID();
    for (const commands of ["", ";tokens=50"])
      await (await client.ask(text, { model: model + commands })).text();
    expect((await readBill(text)).totalNano).toBe(2 * (16 * 500 + 50 * 1000));
  });

  test("are exact, and a call is rounded up once", () => {
    const prices = createPriceList();
    prices.set({ m: price });
    expect(prices.billNano("m", usage)).toBe((3 + 0.5 + 8.75 + 55) * 1e9);
    const third = "0.000000000333333333333333333334";
    prices.set({ m: { inputUsd: third, cacheReadUsd: third, cacheWriteUsd: "0", outputUsd: third } });
    expect(prices.billNano("m", { ...usage, inputTokens: 1, cacheReadTokens: 1, outputTokens: 1 })).toBe(2);
    expect(prices.billNano("m", { ...usage, inputTokens: 0, cacheReadTokens: 0, outputTokens: 0 })).toBe(0);
  });

  test.each([
    ["a number", { m: { ...price, inputUsd: 0.5 } }],
    ["a negative price", { m: { ...price, inputUsd: "-1" } }],
    ["an exponent", { m: { ...price, inputUsd: "1e-7" } }],
    ["a price that is missing", { m: { inputUsd: "1" } }],
    ["a mistyped price", { m: { ...price, inputsUsd: "1" } }],
    ["no prices", []],
  ])("are refused with %s", async (_, prices) => {
    expect(await setPrices(prices)).toMatchObject({ status: 400, error: expect.any(String) });
  });
});

test("a bill with an unknown parameter is a 400", async () => {
  const response = await fetch(`${simulator.url}/_simulator/bill?contain=x`);
  expect([response.status, await response.text()]).toEqual([400, expect.stringContaining("contain")]);
});

test("the record keeps the bodies of the last 200 calls", async () => {
  const text = randomUUID();
  for (let at = 0; at < 201; at++) await (await client.ask(text)).text();
  const calls = await client.waitForCalls(text, "completed");
  expect(calls.map(({ body }) => body === null)).toEqual([true, ...Array(200).fill(false)]);
});
