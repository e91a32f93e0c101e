import { composeAccount } from "./compose.ts";

export default composeAccount({
  setting: (name) => Deno.env.get(name),
  fetch,
  epochMs: Date.now,
  now: () => performance.now(),
  randomId: () => crypto.randomUUID(),
  writeLog: console.log,
});
