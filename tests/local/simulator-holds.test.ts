import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startSimulator } from "../../local/simulator/simulator.ts";
import { createSimulatorClient, readBody, readReply, readUntil } from "./simulator-client.ts";

let simulator: Awaited<ReturnType<typeof startSimulator>>;
let client: ReturnType<typeof createSimulatorClient>;

beforeAll(async () => {
  simulator = await startSimulator({ port: 0 });
  client = createSimulatorClient(simulator.url);
});
afterAll(() => simulator.stop());

async function control(method: string, path: string) {
  const response = await fetch(`${simulator.url}/_simulator/${path}`, { method });
  return { status: response.status, ...(await response.json()) };
}

const breakOff = (name: string) => control("POST", `break/${name}`);

/** Asks with a hold, and returns what is asked once it waits there. */
async function askHeld(text: string, { commands, stream }: { commands: string; stream: boolean }) {
  const model = `gpt-4o-mini;${commands}`;
  const asking = client.ask(text, { model, stream });
  asking.catch(() => {});
  const [, name = ""] = /hold=([\w-]+)/.exec(commands) ?? [];
  expect(await control("GET", `holds/${name}`)).toEqual({ status: 200, waiting: 1 });
  return { asking, name };
}

const ways = [
  { stream: true, way: "a stream" },
  { stream: false, way: "a JSON answer" },
];

describe.each(ways)("a hold of $way", ({ stream, way }) => {
  const nameAt = (place: string) => `${place}-${stream}`;

  test("at the request comes before the headers, and after it the answer is whole", async () => {
    const name = nameAt("request");
    const { asking } = await askHeld(way, { commands: `hold=${name}@request`, stream });
    let hasHeaders = false;
    const answered = asking.then((response) => {
      hasHeaders = true;
      return readBody(response);
    });
    expect(await client.waitForCalls(way, "running")).toMatchObject([{ tokensSent: 0 }]);
    expect(hasHeaders).toBe(false);
    await client.release(name);
    expect((await answered).broken).toBe(false);
    expect(await client.waitForCalls(way, "completed")).toMatchObject([{ tokensSent: 50 }]);
  });

  test("at the headers comes before all else, and after it the answer is whole", async () => {
    const name = nameAt("headers");
    const { asking } = await askHeld(`${way} with headers`, { commands: `hold=${name}@headers`, stream });
    const response = await asking;
    expect(response.headers.get("content-type")).toContain(stream ? "text/event-stream" : "application/json");
    let hasBody = false;
    const body = readBody(response.clone());
    const first = response.body?.getReader().read();
    first?.then(() => (hasBody = true));
    expect(await client.waitForCalls(`${way} with headers`, "running")).toMatchObject([{ tokensSent: 0 }]);
    expect(hasBody).toBe(false);
    await client.release(name);
    expect((await body).broken).toBe(false);
    expect(await client.waitForCalls(`${way} with headers`, "completed")).toMatchObject([{ tokensSent: 50 }]);
  });

  test.each([
    ["request", "before the headers", null],
    ["headers", "before all else", 0],
    ["half", "in the middle", 25],
  ])("at %s can be broken off %s, and what comes later goes on", async (place, _where, tokens) => {
    const text = `${way} that breaks at ${place}`;
    const commands = `hold=${nameAt(`${place}-broken`)}@${place}`;
    const { asking, name } = await askHeld(text, { commands, stream });
    expect(await breakOff(name)).toEqual({ status: 200, broken: 1 });
    if (tokens === null) await expect(asking).rejects.toThrow();
    else {
      const { text: body, broken } = await readBody(await asking);
      expect(broken).toBe(true);
      if (stream) expect(readReply(body).tokens).toBe(tokens);
      else expect(body.length > 0).toBe(tokens > 0);
    }
    const [call] = await client.waitForCalls(text, "failed");
    const billed = { request: null, headers: 0, half: stream ? 25 : 50 }[place as "request"];
    expect(call?.usage?.outputTokens ?? null).toBe(billed);

    const again = await client.ask(text, { model: `gpt-4o-mini;${commands}`, stream });
    expect((await readBody(again)).broken).toBe(false);
  });
});

test("a stream is held in the middle once half of its tokens are sent", async () => {
  const { asking, name } = await askHeld("Half", {
    commands: "hold=half-stream@half;tokens=9",
    stream: true,
  });
  const response = await asking;
  await readUntil(response.clone(), (text) => readReply(text).tokens === 4);
  expect(await client.waitForCalls("Half", "running")).toMatchObject([{ tokensSent: 4 }]);
  await client.release(name);
  expect(readReply((await readBody(response)).text).tokens).toBe(9);
});

test("a JSON answer is held in the middle once half of its body is sent, and goes on as it would have", async () => {
  const { asking, name } = await askHeld("Halves", { commands: "hold=half-json@half", stream: false });
  const response = await asking;
  const half = await readUntil(response.clone(), (text) => text.length > 0);
  await client.release(name);
  const { text } = await readBody(response);
  expect(half.length).toBeLessThan(text.length);
  expect(JSON.parse(text).choices[0].message.content).toMatch(/^You said: Halves/);
});

test("a stream is broken off after so many tokens, which arrive, and is billed for them", async () => {
  const { asking, name } = await askHeld("Broken at 7", { commands: "hold=seven@7", stream: true });
  await breakOff(name);
  const { text, broken } = await readBody(await asking);
  expect([readReply(text).tokens, broken]).toEqual([7, true]);
  const [call] = await client.waitForCalls("Broken at 7", "failed");
  expect(call?.usage?.outputTokens).toBe(7);
});

test("whoever waits for a hold is told of a call that comes to it, and another hold does not count", async () => {
  let isTold = false;
  const waiting = control("GET", "holds/awaited").finally(() => (isTold = true));
  await askHeld("Another hold", { commands: "hold=other", stream: true });
  expect(isTold).toBe(false);
  await askHeld("Awaited hold", { commands: "hold=awaited", stream: true });
  expect(await waiting).toEqual({ status: 200, waiting: 1 });
  await client.release("awaited");
  await client.release("other");
});

test("nothing is broken off where nothing waits", async () => {
  expect(await breakOff("nobody")).toEqual({ status: 200, broken: 0 });
});
