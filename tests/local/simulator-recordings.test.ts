import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startSimulator } from "../../local/simulator/simulator.ts";
import { hasRecordings, readRecordedChunks, readRecording } from "../shared/providers/recordings.ts";
import { askIn, type Format, formats } from "./simulator-formats.ts";

let simulator: Awaited<ReturnType<typeof startSimulator>>;

beforeAll(async () => {
  simulator = await startSimulator({ port: 0 });
});
afterAll(() => simulator.stop());

/** The places of all members in some JSON values, with `[]` for any element of an array. */
function listPlaces(values: readonly unknown[], start = ""): Set<string> {
  const places = new Set<string>();
  for (const value of values) {
    if (typeof value !== "object" || value === null) continue;
    for (const [name, member] of Object.entries(value)) {
      const place = Array.isArray(value) ? `${start}[]` : `${start}.${name}`;
      places.add(place);
      for (const inner of listPlaces([member], place)) places.add(inner);
    }
  }
  return places;
}

const parse = (text: string): unknown => JSON.parse(text);

function readData(body: string): unknown[] {
  return [...body.matchAll(/^data: (\{.*)$/gm)].map(([, data]) => parse(data ?? ""));
}

const [openai, anthropic, google] = formats as [Format, Format, Format];
const weather = { type: "object", properties: { location: { type: "string" } } };
const openaiTools = { tools: [{ type: "function", function: { name: "weather", parameters: weather } }] };
const openaiUsage = { stream_options: { include_usage: true } };
const anthropicTools = { tools: [{ name: "updateIssueList", input_schema: { type: "object" } }] };
const googleTools = {
  tools: [{ functionDeclarations: [{ name: "weather", parametersJsonSchema: weather }] }],
};

// What one provider, or one kind of refusal, says alone.
const unsaid = /recommended_model|cost_in_usd|(text|image)_tokens|num_sources|prompt_cache_(hit|miss)/;

describe.skipIf(!hasRecordings)("a reply has every member of a true one:", () => {
  test.each<[string, Format, string, object]>([
    ["openai/openai-text", openai, "", openaiUsage],
    ["deepseek/deepseek-reasoning", openai, "reasoning=9;reasoning_text", openaiUsage],
    ["anthropic/anthropic-text", anthropic, "", {}],
    ["anthropic/anthropic-refusal", anthropic, "blocked", {}],
    ["anthropic/anthropic-tool-no-args", anthropic, "tools=1;tokens=5", anthropicTools],
    ["google/google-text", google, "reasoning=9", {}],
    ["google/google-tool-call", google, "reasoning=9;tools=1", googleTools],
    ["xai/xai-tool-call", openai, "tools=1;reasoning=3;reasoning_text", { ...openaiTools, ...openaiUsage }],
  ])("%s", async (name, format, commands, more) => {
    const asked = { text: "What is a tide?", commands };
    const streamed = await (await askIn(simulator.url, format, { ...asked, more })).text();
    const inJson = { ...more, stream_options: undefined };
    const json = await (await askIn(simulator.url, format, { ...asked, stream: false, more: inJson })).json();
    const missing = (recorded: unknown[], said: unknown[]) => {
      const places = listPlaces(said);
      return [...listPlaces(recorded)].filter((place) => !places.has(place) && !unsaid.test(place));
    };
    const chunks = readRecordedChunks(name).map(parse);
    expect(missing(chunks, readData(streamed))).toEqual([]);
    expect(missing([parse(readRecording(`${name}.json`))], [json])).toEqual([]);
  });
});
