import { timeOrderedId } from "../../../shared/domain/time-ordered-id.ts";
import { composeAccount } from "./compose.ts";

export default composeAccount({
  setting: (name) => Deno.env.get(name),
  fetch,
  epochMs: Date.now,
  now: () => performance.now(),
  newId: () => timeOrderedId(Date.now()),
  writeLog: console.log,
});
