import fc from "fast-check";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { ChatResult } from "../../../shared/domain/chat-event.ts";
import type { SluiceError } from "../../../shared/domain/errors.ts";
import { ProviderError, type ProviderFailure } from "../../../shared/providers/provider.ts";
import { type createLiveProvider, text } from "./live-provider.ts";
import { listen, startTwo, usage } from "./start-gateway.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const failures: ProviderFailure[] = [
  "invalid_request",
  "context_length",
  "content_policy",
  "credential",
  "permission",
  "quota",
  "rate_limited",
  "unavailable",
  "interrupted",
];

/** What a provider does with one call: says something, and ends in some way. */
const script = fc.record({
  said: fc.array(fc.constantFrom("one ", "two ", "three "), { maxLength: 3 }),
  ending: fc.oneof(
    { weight: 3, arbitrary: fc.constant("finish" as const) },
    { weight: 6, arbitrary: fc.constantFrom(...failures) },
    { weight: 1, arbitrary: fc.constantFrom("no finish" as const, "silence" as const) },
  ),
  retryAfterMs: fc.option(fc.constantFrom(0, 700, 9_000, 20_000), { nil: undefined }),
  toldUsage: fc.boolean(),
});
type Script = typeof script extends fc.Arbitrary<infer Value> ? Value : never;

/** Has a provider follow scripts, one call after the other, and then be silent. */
function perform(live: ReturnType<typeof createLiveProvider>, scripts: Script[]): void {
  for (const { said, ending, retryAfterMs, toldUsage } of scripts) {
    for (const word of said) live.say(text(word));
    if (ending === "silence") return;
    if (ending === "finish") live.say({ type: "finish", reason: "stop", usage });
    if (ending === "finish" || ending === "no finish") live.end();
    else live.fail(new ProviderError(ending, "no", { retryAfterMs, ...(toldUsage ? { usage } : {}) }));
  }
}

test("whatever providers do, a chat ends once: with a whole answer or an error, and every billed call has one charge", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(script, { maxLength: 5 }),
      fc.array(script, { maxLength: 5 }),
      fc.record({
        canRestart: fc.boolean(),
        stream: fc.boolean(),
        maxOutputTokens: fc.constantFrom(100, 1000),
      }),
      fc.nat(3),
      async (first, second, { canRestart, stream, maxOutputTokens }, allowed) => {
        const { open, openRestartable, live, other, memory, untilOver } = startTwo({ maxOutputTokens });
        memory.allowExtensions(allowed);
        perform(live, first);
        perform(other, second);
        const words: string[] = [];
        let restarts = 0;
        const outcome = (canRestart ? openRestartable({ stream }) : open({ stream }))
          .then((chat) => {
            const { told, result } = listen(chat);
            return result.finally(() => {
              for (const part of told)
                if ("restart" in part) {
                  words.length = 0;
                  restarts++;
                } else if (part.type === "chunk") words.push(part.text);
            });
          })
          .catch((error: SluiceError) => error);
        await vi.advanceTimersByTimeAsync(400_000);
        const ended: ChatResult | SluiceError = await outcome;
        await untilOver();
        expect(vi.getTimerCount()).toBe(0);

        const settled = memory.settled("hold-1");
        const charges = settled?.charges ?? [];
        const numbers = charges.map(({ attempt }) => attempt);
        expect(numbers).toEqual([...new Set(numbers)].toSorted((a, b) => a - b));
        expect(live.calls.length + other.calls.length).toBeLessThanOrEqual(6);
        // Nothing was spent that was not held for.
        expect(charges.length).toBeLessThanOrEqual(1 + memory.extensions);

        if (!canRestart) expect(restarts).toBe(0);

        const answered = settled?.messages.at(-1);
        if (ended instanceof Error) {
          expect(charges.every(({ outcome }) => outcome === "interrupted")).toBe(true);
          expect(ended.toBody().error.costNano === undefined).toBe(charges.length === 0);
        } else {
          const whole = [...first, ...second].filter(({ ending }) => ending === "finish");
          expect(whole.map(({ said }) => said.join(""))).toContain(ended.content);
          expect(words.join("")).toBe(ended.content);
          expect(ended.finishReason).toBe("stop");
          expect(charges.map(({ outcome }) => outcome === "completed")).toEqual(
            charges.map((_, index) => index === charges.length - 1),
          );
          expect(answered).toMatchObject({ content: ended.content, finishReason: "stop" });
        }
      },
    ),
    { numRuns: 500 },
  );
});
