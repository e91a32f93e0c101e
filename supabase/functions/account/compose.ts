import { createPreferences } from "../../../shared/catalogue/preferences.ts";
import { createApiKeys } from "../../../shared/credentials/api-keys.ts";
import { createDatabase } from "../../../shared/database/database.ts";
import { createAuthenticate } from "../../../shared/http/authenticate.ts";
import { createCallerAuthentication } from "../../../shared/http/authenticate-caller.ts";
import { createAuthenticateService } from "../../../shared/http/authenticate-service.ts";
import type { App } from "../../../shared/http/create-app.ts";
import { readPlatformSettings } from "../../../shared/http/platform-settings.ts";
import type { Runtime } from "../../../shared/http/runtime.ts";
import { readJobSecret } from "../../../shared/keys/job-secret.ts";
import { createAccounts } from "../../../shared/metering/accounts.ts";
import { createAlertDelivery } from "../../../shared/metering/alert-delivery.ts";
import { createServiceHolds } from "../../../shared/metering/service-holds.ts";
import { createAccount } from "./app.ts";
import { readAlertWebhook } from "./settings.ts";

/**
 * Puts the function `account` together.
 * @throws Error naming the setting that is missing or wrong
 */
export function composeAccount(runtime: Runtime): App {
  const { setting, fetch, epochMs } = runtime;
  const platform = readPlatformSettings(setting);
  const webhook = readAlertWebhook(setting);
  const database = createDatabase({ ...platform, fetch });
  const authenticate = createAuthenticate(platform, epochMs);
  const apiKeys = createApiKeys(database);
  return createAccount({
    ...runtime,
    ...platform,
    accounts: createAccounts(database),
    serviceHolds: createServiceHolds(database),
    preferences: createPreferences(database),
    apiKeys,
    authenticate,
    callers: createCallerAuthentication(authenticate, apiKeys),
    authenticateService: createAuthenticateService(platform),
    jobSecret: readJobSecret(setting),
    webhook: webhook && {
      url: webhook.url,
      deliver: createAlertDelivery({ ...webhook, database, fetch, epochMs }),
    },
  });
}
