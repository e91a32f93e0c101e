import type { App } from "../../../shared/http/create-app.ts";
import { createAccount } from "../../../supabase/functions/account/app.ts";
import { createAdmin } from "../../../supabase/functions/admin/app.ts";
import { createAiChat } from "../../../supabase/functions/ai-chat/app.ts";
import { createBilling } from "../../../supabase/functions/billing/app.ts";
import { createByokKeysApp } from "../../../supabase/functions/byok-keys/app.ts";
import { createModels } from "../../../supabase/functions/models/app.ts";
import { createStripeWebhook } from "../../../supabase/functions/stripe-webhook/app.ts";
import { createSyncModels } from "../../../supabase/functions/sync-models/app.ts";

/** Stands for whatever a function is handed: nothing of it is used before a request comes. */
const anything: never = new Proxy(() => anything, { get: () => anything }) as never;

const apps: Record<string, () => App> = {
  account: () => createAccount(anything),
  admin: () => createAdmin(anything),
  "ai-chat": () => createAiChat(anything),
  billing: () => createBilling(anything),
  "byok-keys": () => createByokKeysApp(anything),
  models: () => createModels(anything),
  "stripe-webhook": () => createStripeWebhook(anything),
  "sync-models": () => createSyncModels(anything),
};

/** The functions whose routes are listed. */
export const functionNames = Object.keys(apps);

/** Every route of every function, as method and path. What is for all methods is a frame, or refuses the others. */
export function listRoutes(): string[] {
  return Object.values(apps)
    .flatMap((create) => create().routes)
    .filter(({ method }) => method !== "ALL")
    .map(({ method, path }) => `${method} ${path}`)
    .sort();
}
