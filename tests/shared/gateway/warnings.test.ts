import { expect, test } from "vitest";
import type { ChatOptions } from "../../../shared/domain/chat-request.ts";
import { findUnsupported, keepOptions, toWarnings } from "../../../shared/gateway/warnings.ts";

const all: ChatOptions = {
  temperature: 0,
  topP: 1,
  seed: 0,
  reasoningEffort: "none",
  parallelToolCalls: false,
  stop: ["END"],
};

test("what was asked for and is not supported is found, also where it is 0, none or false", () => {
  expect(findUnsupported(all, ["stop"])).toEqual([
    "temperature",
    "topP",
    "seed",
    "reasoningEffort",
    "parallelToolCalls",
  ]);
});

test("what is supported, or was not asked for, is not", () => {
  expect(findUnsupported(all, ["temperature", "top_p", "seed", "reasoning", "tools"])).toEqual([]);
  expect(findUnsupported({}, [])).toEqual([]);
});

test("what is left out is not sent, and the rest is; the options of the request stay as they were", () => {
  const options = { ...all };
  expect(keepOptions(options, ["temperature", "seed"])).toEqual({
    topP: 1,
    reasoningEffort: "none",
    parallelToolCalls: false,
    stop: ["END"],
  });
  expect(options).toEqual(all);
});

test("a warning names the field of the request, once", () => {
  const warnings = toWarnings(["topP", "seed", "topP"]);
  expect(warnings.map(({ param }) => param)).toEqual(["options.topP", "options.seed"]);
  for (const { message } of warnings) expect(message).toMatch(/\.$/);
});
