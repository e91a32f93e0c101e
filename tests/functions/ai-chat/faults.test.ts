import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, type ExpectStatic, test, vi } from "vitest";
import type { Call } from "../../../local/simulator/call-record.ts";
import { writeText } from "../../../local/simulator/write-text.ts";
import { createAskers, type Outcome } from "../../support/ask-surface.ts";
import { connectDatabase } from "../../support/connect-database.ts";
import { type ExtraFunction, startExtraFunction } from "../../support/extra-function.ts";
import { type Caller, signUpCaller } from "../../support/people.ts";
import { watchProvider } from "../../support/provider-calls.ts";
import { type Format, formats } from "../../support/provider-formats.ts";
import { readMetering } from "../../support/read-metering.ts";
import { simulateMoreProviders } from "../../support/simulated-providers.ts";
import type { RouteOptions } from "../../support/test-models.ts";
import { type Ending, type Fault, faults, scaledLimits } from "./fault-table.ts";

const streams = ["our stream", "OpenAI stream"] as const;
type Stream = (typeof streams)[number];
const outage = "outage of 60 s over 20 requests";

/** A provider in the first place: what is learned of its key is known to all that come after. */
interface First {
  provider: string;
  format: Format;
}

const firstOfOwn = streams
  .flatMap((stream) => faults.map((fault) => ({ ...fault, stream })))
  // Each with one of its own.
  .map((fault, index) => ({
    ...fault,
    ...meet(fault, { provider: `extra-${index}`, format: "openai" }, index),
  }));

/** Those of the bytes of an answer, in the other formats. They harm no key. */
const firstOfFormat = streams.flatMap((stream) =>
  faults
    .filter(({ isOfFormat }) => isOfFormat)
    .flatMap((fault) =>
      (["openrouter", "anthropic", "google"] as const).map((format, index) => ({
        ...fault,
        stream,
        ...meet(fault, { provider: format, format }, index),
      })),
    ),
);

const cases = [...firstOfOwn, ...firstOfFormat];

/** The routes of a fault. */
function meet(fault: Fault, { provider, format }: First, index: number) {
  const upstream = format === "openai" ? {} : { upstream: formats[format] };
  return {
    format,
    first: { provider, ...upstream, simulate: fault.first },
    second: fault.second && { ...secondOf(index, format), ...fault.second },
  };
}

/** Of another provider than the first and of another format, by turns. */
function secondOf(index: number, first: Format) {
  const others = (["anthropic", "google"] as const).filter((format) => format !== first);
  const provider = others[index % others.length] ?? "google";
  return { provider, upstream: formats[provider], priority: 1 };
}

// Nearly all of their time they wait.
vi.setConfig({ maxConcurrency: 12 });

const sql = connectDatabase();
const provider = watchProvider();
let instance: ExtraFunction;
let ask: ReturnType<typeof createAskers>;

beforeAll(async () => {
  instance = await startExtraFunction({ ...simulateMoreProviders(firstOfOwn.length), ...scaledLimits });
  ask = createAskers(instance.url);
});
afterAll(() => instance.stop());

/** What became of each fault on each stream, for people to see. */
const seen = new Map(
  faults.map(({ fault }) => [fault, { "our stream": new Set(), "OpenAI stream": new Set() }]),
);
seen.set(outage, { "our stream": new Set(), "OpenAI stream": new Set() });
afterAll(() => {
  const rows = [...seen].map(([fault, on]) => [
    fault,
    ...streams.map((stream) => [...on[stream]].join("; ")),
  ]);
  const lines = [["fault", ...streams], ...rows].map(
    ([fault = "", ours = "", openai]) => `${fault.padEnd(40)} | ${ours.padEnd(55)} | ${openai}`,
  );
  process.stdout.write(`${lines.join("\n")}\n`);
});

/** Plays a fault, and notes what became of it. */
async function judge(fault: string, stream: Stream, told: string, play: () => Promise<void>): Promise<void> {
  try {
    await play();
    seen.get(fault)?.[stream].add(told);
  } catch (error) {
    seen.get(fault)?.[stream].add("FAILED");
    throw error;
  }
}

describe.concurrent("the faults that gateways are judged by", () => {
  test.for(streams)(
    `%s, ${outage}: all are served, and the first route is back within 30 s`,
    { timeout: 60_000 },
    async (stream, { expect }) =>
      judge(outage, stream, "answer", async () => {
        const name = randomUUID();
        const first = { provider: "openai", simulate: `down=${name};tokens=60` };
        const second = { ...secondOf(0, "openai"), simulate: "tokens=60" };
        const caller = await signUpCaller(sql, { routes: [first, second] });
        const marker = randomUUID();
        const askOnce = async (at: number | string) => {
          const content = `${marker} ${at}`;
          const question = { messages: [{ role: "user", content }], model: caller.modelId };
          const outcome = await ask[stream](caller, question);
          expectEnding(outcome, { by: 1, calls: 1 }, content, expect);
          return outcome.provider;
        };

        // One each 200 ms: the minute is 4 s, while the time for which a route is left alone is the true one.
        await provider.switchOutage(name, "begin");
        const servers: unknown[] = [];
        for (let at = 0; at < 20; at++) servers.push((await Promise.all([askOnce(at), pause(200)]))[0]);
        await provider.switchOutage(name, "end");
        expect(servers).toEqual(Array(20).fill(second.provider));
        const refused = (await readCalls(marker, expect)).filter(({ format }) => format === "openai");
        // Three until it is left alone, then one at a time.
        expect(refused.length).toBeGreaterThanOrEqual(3);
        expect(refused.length).toBeLessThanOrEqual(5);

        await expect.poll(() => askOnce("after"), { timeout: 30_000, interval: 200 }).toBe("openai");
        expect(await askOnce("later")).toBe("openai");
      }),
  );

  test.for(cases)("$stream, $fault, $format first: $passes", async (each, { expect }) => {
    const { stream, fault, format, first, second, once, contextTokens, firstTokenMs, openaiEnds, check } =
      each;
    const ending = (stream === "OpenAI stream" && openaiEnds) || each.ends;
    await judge(fault, stream, describeEnding(ending), async () => {
      const simulate = once ? `${first.simulate};times=1;key=${randomUUID()}` : first.simulate;
      const routes: RouteOptions[] = [{ ...first, simulate, ...(contextTokens && { contextTokens }) }];
      if (second) routes.push(second);
      const caller = await signUpCaller(sql, { routes, ...(firstTokenMs && { firstTokenMs }) });
      const message = `Tell me of tides. ${randomUUID()}`;
      const question = { messages: [{ role: "user", content: message }], model: caller.modelId };
      const outcome = await ask[stream](caller, question);
      const calls = await readCalls(message, expect);

      expectEnding(outcome, ending, message, expect);
      expect(calls).toHaveLength(ending.calls);
      await expectBill(caller, outcome, calls, expect);
      check?.(calls);
      if (outcome.error !== null) return;
      const served = routes["by" in ending ? ending.by - 1 : 0]?.provider;
      expect(outcome).toMatchObject({
        provider: served,
        attempts: ending.calls,
        // Gemini tells the usage so far with every piece.
        estimated: outcome.restarts > 0 && format !== "google",
      });
      const told = ["model", "provider", "attempts", "credential"].map((name) =>
        outcome.headers.get(`x-sluice-${name}`),
      );
      const attempts = ending.calls - outcome.restarts;
      const began = outcome.restarts > 0 ? first.provider : served;
      expect(told).toEqual([caller.modelId, began, String(attempts), "environment"]);
    });
  });
});

function describeEnding(ending: Ending): string {
  if ("error" in ending) return ending.begun ? "clean error" : `refused: ${ending.error}`;
  return ending.restarts ? "answer after restart" : "answer";
}

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** What the provider was asked, once it is done with all of it. */
async function readCalls(text: string, expect: ExpectStatic): Promise<Call[]> {
  let calls: Call[] = [];
  await expect
    .poll(async () => {
      calls = await provider.findCalls(text);
      return calls.filter(({ state }) => state === "running");
    })
    .toEqual([]);
  return calls;
}

/** The answer is whole, or the failure is told: nothing is cut and called complete. */
function expectEnding(outcome: Outcome, ending: Ending, message: string, expect: ExpectStatic): void {
  const whole = writeText(message, 60).join("");
  if ("error" in ending) {
    expect(outcome.error).toMatchObject({ code: ending.error });
    expect(outcome.status === 200).toBe(ending.begun === true);
    expect(outcome.finishReason).toBeNull();
    expect(whole.startsWith(outcome.text)).toBe(true);
    expect(outcome.text === "").toBe(ending.begun !== true);
    return;
  }
  expect(outcome).toMatchObject({ status: 200, error: null, finishReason: "stop", text: whole });
  expect(outcome.restarts).toBe(ending.restarts ?? 0);
}

/** The ledger has what each call cost the provider's customer, and the caller is told the sum. */
async function expectBill(
  { userId }: Caller,
  outcome: Outcome,
  calls: Call[],
  expect: ExpectStatic,
): Promise<void> {
  await expect
    .poll(async () => (await readMetering(sql, userId)).holds)
    .toMatchObject([{ state: "settled" }]);
  const { ledger, windows } = await readMetering(sql, userId);
  // Of a call that was given up before its first word nobody tells what it costs; nothing is charged.
  const billed = calls.filter(
    ({ billNano, tokensSent, state }) => billNano > 0 && (tokensSent > 0 || state !== "aborted"),
  );
  expect(ledger.map(({ attempt, cost_nano }) => [attempt, cost_nano])).toEqual(
    billed.map((call) => [calls.indexOf(call) + 1, call.billNano]),
  );
  const total = billed.reduce((sum, { billNano }) => sum + billNano, 0);
  expect(outcome.costNano ?? 0).toBe(total);
  const [last] = billed.slice(-1);
  if (billed.length === 1 && outcome.usage) expect(outcome.usage).toEqual(last?.usage);
  expect(windows.every(({ held }) => held === 0)).toBe(true);
}
