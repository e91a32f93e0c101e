import { describe, expect, test } from "vitest";
import { describeCause } from "../../../shared/domain/describe-cause.ts";
import { ProviderError } from "../../../shared/providers/provider.ts";
import { testCredential } from "./ask-provider.ts";
import { protocols, readAnswer, streamText } from "./three-adapters.ts";

const tools = [{ name: "pay" }];

describe.each(protocols)("$name:", (protocol) => {
  const { calling, argumentsAt, speaking, refuse } = protocol;
  const refusal = (status: number, headers = {}) =>
    readAnswer(protocol, new Response("{}", { status, headers }));

  describe("the arguments of a tool are all there or the answer is interrupted:", () => {
    test("whole ones arrive", async () => {
      const answer = await readAnswer(protocol, new Response(streamText(calling)), { options: { tools } });
      expect(answer).toMatchObject({ finish: { reason: "tool_calls" } });
      expect(JSON.stringify(answer)).toContain("500");
    });

    test.each<[string, (payload: string) => string]>([
      ["a piece of them is garbled", (payload) => payload.slice(0, -4)],
      ["a piece of them is garbled in its middle", (payload) => payload.replaceAll(":", "")],
    ])("%s", async (_how, garble) => {
      const payloads = calling.with(argumentsAt, garble(calling[argumentsAt] ?? ""));
      const answer = await readAnswer(protocol, new Response(streamText(payloads)), { options: { tools } });
      expect(answer).toMatchObject({ failure: "interrupted" });
    });

    test("what is garbled behind the finish breaks nothing", async () => {
      const answer = await readAnswer(protocol, new Response(streamText([...calling, '{"x":'])), {
        options: { tools },
      });
      expect(answer).toMatchObject({ finish: { reason: "tool_calls" } });
    });
  });

  test("an answer that has finished is not waited for, though its usage is missing and the connection stays open", async () => {
    let isCancelled = false;
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(new TextEncoder().encode(streamText(speaking))),
      cancel: () => {
        isCancelled = true;
      },
    });
    expect(await readAnswer(protocol, new Response(body))).toMatchObject({
      text: "Yes.",
      finish: { reason: "stop", usage: null },
    });
    expect(isCancelled).toBe(true);
  });

  test.each([405, 410, 415, 451, 418, 404, 403])(
    "a bare %i is permanent: another route may do",
    async (status) => {
      expect(await refusal(status)).toMatchObject({ failure: "permission" });
    },
  );

  test.each([408, 409, 425, 500, 502, 503, 529])("a bare %i passes", async (status) => {
    expect(await refusal(status)).toMatchObject({ failure: "unavailable" });
  });

  test.each([
    ["2", 2000],
    ["0.5", 500],
    ["0", 0],
    ["-5", undefined],
    ["Infinity", undefined],
    ["1e3", undefined],
    ["NaN", undefined],
    ["", undefined],
    ["Fri, 31 Dec 1999 23:59:59 GMT", undefined],
    ["9".repeat(400), 86_400_000],
  ])("Retry-After: %s is a wait of %s ms", async (header, retryAfterMs) => {
    const error = await refusal(429, { "retry-after": header });
    expect(error).toMatchObject({ failure: "rate_limited" });
    expect((error as ProviderError).retryAfterMs).toBe(retryAfterMs);
  });

  describe("what the caller wrote stays out of what is logged:", () => {
    const prompt = "My neighbour is called Canary";

    test.each<[string, string, ResponseInit, boolean]>([
      ["a refusal that quotes it", refuse(`Invalid value: '${prompt}'`), { status: 400 }, true],
      ["a refusal in the stream", streamText([refuse(`Invalid value: '${prompt}'`)]), {}, true],
      ["one after the first words", streamText([calling[argumentsAt - 1] ?? "", refuse(prompt)]), {}, true],
      ["an answer that is none", `${prompt}, she said`, {}, false],
      ["an answer that ends in its middle", `{"answer":"${prompt}`, {}, false],
    ])("%s", async (_what, body, init, stream) => {
      const error = await readAnswer(protocol, new Response(body, init), { stream });
      expect(error).toBeInstanceOf(ProviderError);
      expect(describeCause(error)).not.toContain("Canary");
    });
  });

  test("a key that no header takes is refused before it is sent, and is not in the log", async () => {
    const error = await readAnswer(protocol, new Response(streamText(speaking)), {
      credential: testCredential("Canary\n0123456789"),
    });
    expect(error).toBeInstanceOf(ProviderError);
    expect(describeCause(error)).not.toContain("Canary");
  });

  test.each([
    ["a refusal", { status: 429 }, "rate_limited"],
    ["a whole answer", { status: 200 }, "interrupted"],
  ])("%s that does not end is not read to its end", async (_what, init, failure) => {
    let pieces = 0;
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        // Far beyond what is allowed: a reader without a limit is not kept reading for ever.
        if (++pieces === 64) controller.close();
        else controller.enqueue(new Uint8Array(1024 * 1024).fill(32));
      },
    });
    expect(await readAnswer(protocol, new Response(body, init), { stream: false })).toMatchObject({
      failure,
    });
    expect(pieces).toBeLessThan(32);
  });
});
