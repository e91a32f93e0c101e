import { expect } from "vitest";
import { watchProvider } from "./provider-calls.ts";

/** Reads what a provider was sent, as its format has it, in the one call whose prompt has a text. */
export function watchBodies(): (text: string) => Promise<Record<string, unknown>> {
  const provider = watchProvider();
  return async (text) => {
    const calls = await provider.findCalls(text);
    expect(calls).toHaveLength(1);
    return calls[0]?.body ?? {};
  };
}
