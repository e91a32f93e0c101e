import type { Warning } from "../domain/chat-event.ts";
import type { ChatOptions } from "../domain/chat-request.ts";
import type { Hold, Route } from "../metering/metering.ts";
import type { HarmlessOption } from "../providers/provider.ts";

/** The options that an answer can do without, by their names in the catalogue, where nearly no model has `parallel_tool_calls`. */
const catalogueNames: Record<HarmlessOption, string> = {
  temperature: "temperature",
  topP: "top_p",
  seed: "seed",
  reasoningEffort: "reasoning",
  parallelToolCalls: "tools",
};

/** The options that were given and that the model does not support. */
export function findUnsupported(options: ChatOptions, supportedParameters: string[]): HarmlessOption[] {
  const names = Object.keys(catalogueNames) as HarmlessOption[];
  return names.filter(
    (name) => options[name] !== undefined && !supportedParameters.includes(catalogueNames[name]),
  );
}

/** The options without these. */
export function keepOptions<Options extends ChatOptions>(
  options: Options,
  dropped: HarmlessOption[],
): Options {
  if (dropped.length === 0) return options;
  const kept = { ...options };
  for (const name of dropped) delete kept[name];
  return kept;
}

/** The options with the caller's own temperature, where the request says nothing of it and the model takes one. */
export function withPreferences(
  options: ChatOptions,
  { preferences, supportedParameters }: Pick<Hold, "preferences" | "supportedParameters">,
): ChatOptions {
  const { temperature } = preferences;
  const isTaken = temperature !== null && supportedParameters.includes(catalogueNames.temperature);
  return isTaken ? { temperature, ...options } : options;
}

/** What a caller is told whose default model cannot be used. */
export function warnOfModel(unavailable: string | null, model: string): Warning[] {
  if (unavailable === null) return [];
  return [
    {
      param: "model",
      message: `model: your default model ${unavailable} cannot be used at present; ${model} answers in its place.`,
    },
  ];
}

/** What a caller is told about options that were left out. */
export function toWarnings(dropped: HarmlessOption[]): Warning[] {
  return [...new Set(dropped)].map((name) => ({
    param: `options.${name}`,
    message: `options.${name}: this model does not take it here; it was left out.`,
  }));
}

/** What a caller is told who prefers a provider that does not serve the model. */
export function warnOfProvider(preferred: string | undefined, routes: Pick<Route, "provider">[]): Warning[] {
  if (preferred === undefined || routes.some(({ provider }) => provider === preferred)) return [];
  return [{ param: "provider", message: "provider: this one does not serve the model; it was left out." }];
}
