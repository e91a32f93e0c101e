import { randomUUID } from "node:crypto";
import type { OpenAI } from "openai";
import { zodFunction, zodResponseFormat } from "openai/helpers/zod";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { connectDatabase } from "../../support/connect-database.ts";
import { allowParameters, connectOpenAI, type Extras } from "../../support/openai-client.ts";
import { signUpCaller } from "../../support/people.ts";
import { watchProvider } from "../../support/provider-calls.ts";
import { readMetering } from "../../support/read-metering.ts";

const sql = connectDatabase();
const provider = watchProvider();
const forecast = z.object({ city: z.string(), days: z.number() });
const call = { name: expect.any(String), arguments: expect.stringMatching(/^\{.*\}$/) };

async function signUpToolUser(simulate: string) {
  const caller = await signUpCaller(sql, { simulate });
  await allowParameters(sql, caller, ["tools", "tool_choice", "response_format", "structured_outputs"]);
  return caller;
}

describe("tools", () => {
  const tools: OpenAI.ChatCompletionTool[] = ["look", "wait"].map((name) => ({
    type: "function",
    function: { name, parameters: { type: "object", properties: { city: { type: "string" } } } },
  }));

  test("are asked for at once, in one piece and in a stream that joins to the same", async () => {
    const caller = await signUpToolUser("tools=2");
    const client = connectOpenAI(caller);
    const request = {
      model: caller.modelId,
      messages: [{ role: "user" as const, content: "Go." }],
      tools,
      parallel_tool_calls: true,
    };
    const whole = await client.chat.completions.create(request);
    expect(whole.choices).toMatchObject([
      {
        finish_reason: "tool_calls",
        message: {
          content: null,
          tool_calls: [
            { id: expect.any(String), type: "function", function: { ...call, name: "look" } },
            { id: expect.any(String), type: "function", function: { ...call, name: "wait" } },
          ],
        },
      },
    ]);
    const streamed = await client.chat.completions.stream(request).finalChatCompletion();
    const functionsOf = ({ choices }: OpenAI.ChatCompletion) =>
      choices[0]?.message.tool_calls?.map((each) => each.type === "function" && each.function);
    expect(streamed.choices[0]?.finish_reason).toBe("tool_calls");
    expect(functionsOf(streamed)).toMatchObject(functionsOf(whole) ?? []);
    expect((streamed as Extras).sluice?.costNano).toBe((whole as Extras).sluice?.costNano);
  });

  test.each([false, true])(
    "are run by the client until there is an answer (streamed: %j)",
    async (stream) => {
      const caller = await signUpToolUser("tools=2");
      const marker = randomUUID();
      const asked: unknown[] = [];
      const { name, parameters } = { name: "forecast", parameters: forecast };
      const tool = zodFunction({
        name,
        parameters,
        function(args) {
          asked.push(args);
          return `sunny ${marker}`;
        },
      });
      const client = connectOpenAI(caller);
      const params = {
        model: caller.modelId,
        messages: [{ role: "user" as const, content: "How is the weather?" }],
        tools: [tool],
      };
      const runner = stream
        ? client.chat.completions.runTools({ ...params, stream: true })
        : client.chat.completions.runTools(params);
      const text = await runner.finalContent();

      expect(text).toMatch(/\S/);
      expect(asked).toHaveLength(2);
      for (const args of asked) expect(forecast.safeParse(args).success).toBe(true);
      const [last] = await provider.findCalls(marker);
      expect(last?.prompt).toContain(`sunny ${marker}`);
      expect((await readMetering(sql, caller.userId)).ledger).toHaveLength(2);
    },
  );
});

describe("structured answers", () => {
  const request = (model: string) => ({
    model,
    messages: [{ role: "user" as const, content: "How is the weather?" }],
    response_format: zodResponseFormat(forecast, "forecast"),
  });

  test("are parsed by the client, in one piece and from a stream", async () => {
    const caller = await signUpToolUser("tokens=500");
    const client = connectOpenAI(caller);
    const whole = await client.chat.completions.parse(request(caller.modelId));
    const parsed = whole.choices[0]?.message.parsed;
    expect(forecast.parse(parsed)).toEqual(parsed);
    const stream = client.chat.completions.stream(request(caller.modelId));
    const streamed = await stream.finalChatCompletion();
    expect(streamed.choices[0]?.message.parsed).toEqual(parsed);
  });

  test("of a model that cannot are refused by the client's name of the field, and cost nothing", async () => {
    const caller = await signUpCaller(sql);
    const refused = await connectOpenAI(caller)
      .chat.completions.create(request(caller.modelId))
      .catch((error: unknown) => error);
    expect(refused).toMatchObject({ status: 400, code: "unsupported_parameter", param: "response_format" });
    expect((await readMetering(sql, caller.userId)).ledger).toEqual([]);
  });
});
