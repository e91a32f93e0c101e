import { lookup } from "node:dns/promises";
import { timeOrderedId } from "../../../shared/domain/time-ordered-id.ts";
import { composeAiChat } from "./compose.ts";

// Only the deployed runtime has it; it takes native promises only.
const { EdgeRuntime } = globalThis as { EdgeRuntime?: { waitUntil(work: Promise<unknown>): void } };

const { app, gateway } = composeAiChat({
  setting: (name) => Deno.env.get(name),
  fetch,
  // By the resolver that fetch asks, too.
  resolveHost: async (name) => (await lookup(name, { all: true })).map(({ address }) => address),
  epochMs: Date.now,
  now: () => performance.now(),
  newId: () => timeOrderedId(Date.now()),
  random: Math.random,
  keepAlive: (work) => EdgeRuntime?.waitUntil(work),
  writeLog: console.log,
});

addEventListener("beforeunload", () => gateway.endAll());
export default app;
