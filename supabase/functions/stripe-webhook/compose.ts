import { createStripeClient } from "../../../shared/billing/stripe-client.ts";
import { readStripeSettings } from "../../../shared/billing/stripe-settings.ts";
import { createStripeSync } from "../../../shared/billing/stripe-sync.ts";
import { createWebhookReader } from "../../../shared/billing/webhook.ts";
import { createDatabase } from "../../../shared/database/database.ts";
import type { App } from "../../../shared/http/create-app.ts";
import { readPlatformSettings } from "../../../shared/http/platform-settings.ts";
import type { Runtime } from "../../../shared/http/runtime.ts";
import { createStripeWebhook } from "./app.ts";

/**
 * Puts the function `stripe-webhook` together.
 * @throws Error naming the setting that is missing or wrong
 */
export function composeStripeWebhook(runtime: Runtime): App {
  const { setting, fetch, epochMs } = runtime;
  const platform = readPlatformSettings(setting);
  const settings = readStripeSettings(setting);
  const isReady = settings !== null && settings.webhookSecrets.length > 0;
  return createStripeWebhook({
    ...runtime,
    ...platform,
    receiver: isReady
      ? {
          isLive: settings.isLive,
          readWebhook: createWebhookReader(settings.webhookSecrets, epochMs),
          sync: createStripeSync({
            stripe: createStripeClient(settings, fetch),
            database: createDatabase({ ...platform, fetch }),
            epochMs,
          }),
        }
      : null,
  });
}
