import { describe, expect, test } from "vitest";
import type { ProviderRequest } from "../../../shared/providers/provider.ts";
import { send } from "./google-wire.ts";

const sendOptions = async (options: ProviderRequest["options"], upstreamModel = "gemini-2.5-flash") =>
  (await send({ options, upstreamModel })).body;

describe("options are said in Gemini's words:", () => {
  const maxOutputTokens = 500;
  const schema = { type: "object", properties: { city: { type: "string" } }, additionalProperties: false };

  test.each<[ProviderRequest["options"], object]>([
    [{ temperature: 0 }, { temperature: 0 }],
    [{ topP: 0.5 }, { topP: 0.5 }],
    [{ stop: ["\n", "END"] }, { stopSequences: ["\n", "END"] }],
    [{ seed: -7 }, { seed: -7 }],
    [{ seed: 2 ** 31 + 7 }, { seed: 7 }],
    [{ responseFormat: { type: "json_object" } }, { responseMimeType: "application/json" }],
    [
      { responseFormat: { type: "json_schema", name: "place", schema, strict: true } },
      { responseMimeType: "application/json", responseJsonSchema: schema },
    ],
    [{ parallelToolCalls: false }, {}],
  ])("%j", async (options, config) => {
    const { contents, ...rest } = await sendOptions(options);
    expect(rest).toEqual({ generationConfig: { maxOutputTokens, ...config } });
  });

  const tools = [{ name: "weather", description: "Tells it.", parameters: schema }, { name: "now" }];
  const declared = [
    {
      functionDeclarations: [
        { name: "weather", description: "Tells it.", parametersJsonSchema: schema },
        { name: "now" },
      ],
    },
  ];

  test.each<[ProviderRequest["options"]["toolChoice"], object]>([
    [undefined, { mode: "AUTO" }],
    ["auto", { mode: "AUTO" }],
    ["none", { mode: "NONE" }],
    ["required", { mode: "ANY" }],
    [{ name: "now" }, { mode: "ANY", allowedFunctionNames: ["now"] }],
  ])("tools, and the choice of %j", async (toolChoice, functionCallingConfig) => {
    const body = await sendOptions({ tools, ...(toolChoice === undefined ? {} : { toolChoice }) });
    expect(body.tools).toEqual(declared);
    expect(body.toolConfig).toEqual({ functionCallingConfig });
  });

  test.each([
    ["gemini-3.8-flash", "VALIDATED"],
    ["gemini-2.5-flash", "AUTO"],
  ])("a tool that is strict, to %s", async (model, mode) => {
    const body = await sendOptions({ tools: [{ name: "now", strict: true }, { name: "then" }] }, model);
    expect(body.toolConfig).toEqual({ functionCallingConfig: { mode } });
  });

  const level = (thinkingLevel: string) => ({ thinkingLevel, includeThoughts: true });
  const budget = (thinkingBudget: number) => ({ thinkingBudget, includeThoughts: true });
  test.each<[string, NonNullable<ProviderRequest["options"]["reasoningEffort"]>, object | undefined]>([
    ["gemini-3.8-flash", "high", level("HIGH")],
    ["gemini-3.8-flash", "medium", level("MEDIUM")],
    ["gemini-3.8-flash", "low", level("LOW")],
    ["gemini-3.8-flash", "minimal", level("LOW")],
    ["gemini-3.8-flash", "none", { thinkingLevel: "LOW" }],
    ["gemini-3.1-pro-preview", "minimal", level("LOW")],
    ["gemini-3-flash-preview", "low", level("LOW")],
    ["gemini-3-flash-preview", "minimal", level("MINIMAL")],
    ["gemini-3.1-flash-lite", "none", { thinkingLevel: "MINIMAL" }],
    ["gemini-4-argon", "medium", level("MEDIUM")],
    ["gemini-flash-latest", "low", level("LOW")],
    ["gemini-2.5-flash", "high", budget(24_576)],
    ["gemini-2.5-flash", "medium", budget(8_192)],
    ["gemini-2.5-flash-lite", "low", budget(1_024)],
    ["gemini-2.5-flash", "minimal", budget(1_024)],
    ["gemini-2.5-flash", "none", { thinkingBudget: 0 }],
    ["gemini-2.5-pro", "none", { thinkingBudget: 128 }],
    ["gemini-2.0-flash", "high", undefined],
    ["gemma-3-27b-it", "low", undefined],
  ])("for %s, the effort %s", async (model, reasoningEffort, thinkingConfig) => {
    const { generationConfig } = await sendOptions({ reasoningEffort }, model);
    expect(generationConfig).toEqual({ maxOutputTokens, ...(thinkingConfig ? { thinkingConfig } : {}) });
  });
});
