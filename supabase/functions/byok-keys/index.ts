import { lookup } from "node:dns/promises";
import { timeOrderedId } from "../../../shared/domain/time-ordered-id.ts";
import { composeByokKeys } from "./compose.ts";

// Only the deployed runtime has it; it takes native promises only.
const { EdgeRuntime } = globalThis as { EdgeRuntime?: { waitUntil(work: Promise<unknown>): void } };

export default composeByokKeys({
  setting: (name) => Deno.env.get(name),
  fetch,
  // By the resolver that fetch asks, too.
  resolveHost: async (name) => (await lookup(name, { all: true })).map(({ address }) => address),
  epochMs: Date.now,
  now: () => performance.now(),
  newId: () => timeOrderedId(Date.now()),
  keepAlive: (work) => EdgeRuntime?.waitUntil(work),
  writeLog: console.log,
});
