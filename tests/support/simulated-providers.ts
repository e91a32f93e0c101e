import { createHmac } from "node:crypto";
import { inject } from "vitest";
import { makeSecret } from "./secrets.ts";

const formats = {
  openai: "/openai/v1",
  anthropic: "/anthropic",
  google: "/google",
  openrouter: "/openrouter/api/v1",
};

export type ProviderFormat = keyof typeof formats;

/** A key that no other test has: what a provider says of a key keeps all functions from using it. */
export function makeProviderKey(): string {
  return `sk-simulator-${makeSecret("provider key")}`;
}

/** The settings of a function that calls the simulator in place of every provider, with keys of its own. */
export function simulateProviders(): Record<string, string> {
  const { simulatorUrl } = inject("stack");
  return Object.fromEntries(
    Object.entries(formats).flatMap(([name, path]) => [
      [`${name.toUpperCase()}_BASE_URL`, `${simulatorUrl}${path}`],
      [`${name.toUpperCase()}_API_KEY`, makeProviderKey()],
    ]),
  );
}

/** The settings that add so many providers of OpenAI's format, each with a key of its own: `extra-0`, `extra-1`, … */
export function simulateMoreProviders(count: number): Record<string, string> {
  const { simulatorUrl } = inject("stack");
  const numbers = Array.from({ length: count }, (_, number) => number);
  return {
    COMPATIBLE_PROVIDERS: numbers.map((number) => `extra-${number}=${simulatorUrl}/openai/v1`).join(","),
    ...Object.fromEntries(numbers.map((number) => [`EXTRA_${number}_API_KEY`, makeProviderKey()])),
  };
}

/** What the database calls a key of the environment. */
export function environmentKeyId(provider: string, key: string): string {
  return `env:${provider}:${createHmac("sha256", inject("stack").secretKey).update(key).digest("hex").slice(0, 12)}`;
}
