import { timeOrderedId } from "../../../shared/domain/time-ordered-id.ts";
import { composeStripeWebhook } from "./compose.ts";

export default composeStripeWebhook({
  setting: (name) => Deno.env.get(name),
  fetch,
  epochMs: Date.now,
  now: () => performance.now(),
  newId: () => timeOrderedId(Date.now()),
  writeLog: console.log,
});
