import { join } from "node:path";
import type { Keys } from "../keys.ts";
import { startStripe } from "./stripe.ts";

/** Starts the stand-in for a stack, whose functions it sends its events to. Besides, returns the settings that have functions use it. */
export async function startPayments({
  directory,
  port,
  apiUrl,
  keys,
}: {
  directory: string;
  port: number;
  apiUrl: string;
  keys: Pick<Keys, "stripeWebhookSecret" | "stripeThinWebhookSecret">;
}): Promise<{ url: string; settings: Record<string, string>; stop(): Promise<void> }> {
  const webhookUrl = `${apiUrl}/functions/v1/stripe-webhook`;
  const { stripeWebhookSecret: secret, stripeThinWebhookSecret: thinSecret } = keys;
  const { url, stop } = await startStripe({
    port,
    stateFile: join(directory, "stripe.json"),
    webhook: { url: webhookUrl, secret },
    thinWebhook: { url: webhookUrl, secret: thinSecret },
  });
  const settings = {
    STRIPE_SECRET_KEY: "sk_test_local",
    STRIPE_API_URL: url,
    STRIPE_WEBHOOK_SECRETS: `${secret},${thinSecret}`,
  };
  return { url, settings, stop };
}
