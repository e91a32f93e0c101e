import type { Database } from "./open-database.ts";
import { type Caller, signUpCaller } from "./people.ts";
import type { ModelOptions } from "./test-models.ts";

/** The four wire formats, each with a model of its provider. */
export const formats = {
  openai: "gpt-4o-mini",
  openrouter: "openai/gpt-4o-mini",
  anthropic: "claude-haiku-4-5",
  google: "gemini-2.5-flash",
};

export type Format = keyof typeof formats;

export const formatNames = Object.keys(formats) as Format[];

/** All that a model of today can do, in the catalogue's words. */
export const abilities = [
  ...["max_tokens", "temperature", "top_p", "stop", "seed", "reasoning"],
  ...["tools", "tool_choice", "response_format", "structured_outputs"],
];

/** Signs up somebody whose one model can do everything, sees images, and is served in one format. */
export function signUpFor(sql: Database, format: Format, options: ModelOptions = {}): Promise<Caller> {
  return signUpCaller(sql, {
    inputModalities: ["text", "image"],
    supportedParameters: abilities,
    routes: [{ provider: format, upstream: formats[format] }],
    ...options,
  });
}
