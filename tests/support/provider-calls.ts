import { inject } from "vitest";
import type { Call, CallState } from "../../local/simulator/call-record.ts";

/** The provider's side of the tests: what the simulator was asked, and the release of calls that it holds. */
export function watchProvider({ simulatorUrl }: { simulatorUrl: string } = inject("stack")) {
  const control = `${simulatorUrl}/_simulator`;

  async function list(query: Record<string, string>): Promise<Call[]> {
    const response = await fetch(`${control}/calls?${new URLSearchParams(query)}`);
    if (!response.ok) throw new Error(await response.text());
    return ((await response.json()) as { calls: Call[] }).calls;
  }

  return {
    /** The calls so far whose prompt contains a text, oldest first. */
    findCalls: (text: string) => list({ contains: text }),

    /** The first call whose prompt contains a text and that is in a state, as soon as there is one. */
    async waitForCall(text: string, state: CallState): Promise<Call> {
      const calls = await list({ contains: text, wait: state });
      return calls.find((call) => call.state === state) as Call;
    },

    /** Returns once a call waits at this `hold=`. */
    async waitForHold(name: string): Promise<void> {
      const response = await fetch(`${control}/holds/${name}`);
      if (!response.ok) throw new Error(await response.text());
    },

    /** Breaks off the calls that wait at this `hold=`. */
    async breakOff(name: string): Promise<void> {
      await fetch(`${control}/break/${name}`, { method: "POST" });
    },

    /** Begins or ends an outage: while it is on, calls with `down=<name>` are refused. */
    async switchOutage(name: string, change: "begin" | "end"): Promise<void> {
      await fetch(`${control}/outages/${name}/${change}`, { method: "POST" });
    },

    /** What the simulator charges for models, in USD per token. */
    async setPrices(prices: Record<string, Record<string, string>>): Promise<void> {
      const response = await fetch(`${control}/prices`, { method: "POST", body: JSON.stringify(prices) });
      if (!response.ok) throw new Error(await response.text());
    },

    /** Lets every call go on that waits, or will wait, at this `hold=`. */
    async release(name: string): Promise<void> {
      await fetch(`${control}/release/${name}`, { method: "POST" });
    },
  };
}
