import { timeOrderedId } from "../../../shared/domain/time-ordered-id.ts";
import { composeAdmin } from "./compose.ts";

// Only the deployed runtime has it; it takes native promises only.
const { EdgeRuntime } = globalThis as { EdgeRuntime?: { waitUntil(work: Promise<unknown>): void } };

export default composeAdmin({
  setting: (name) => Deno.env.get(name),
  fetch,
  epochMs: Date.now,
  now: () => performance.now(),
  newId: () => timeOrderedId(Date.now()),
  keepAlive: (work) => EdgeRuntime?.waitUntil(work),
  writeLog: console.log,
});
