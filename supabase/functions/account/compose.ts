import { createDatabase } from "../../../shared/database/database.ts";
import { createAuthenticate } from "../../../shared/http/authenticate.ts";
import { createAuthenticateService } from "../../../shared/http/authenticate-service.ts";
import type { App } from "../../../shared/http/create-app.ts";
import { type ReadSetting, readPlatformSettings } from "../../../shared/http/platform-settings.ts";
import type { WriteLog } from "../../../shared/http/request-log.ts";
import { createAccounts } from "../../../shared/metering/accounts.ts";
import { createAlertDelivery } from "../../../shared/metering/alert-delivery.ts";
import { createServiceHolds } from "../../../shared/metering/service-holds.ts";
import { createAccount } from "./app.ts";
import { readAlertSettings } from "./settings.ts";

/** What the runtime gives a function. */
interface Runtime {
  setting: ReadSetting;
  fetch: typeof fetch;
  /** Milliseconds since the epoch. */
  epochMs(): number;
  /** Milliseconds of a monotonic clock. */
  now(): number;
  newId(): string;
  writeLog: WriteLog;
}

/**
 * Puts the function `account` together.
 * @throws Error naming the setting that is missing or wrong
 */
export function composeAccount(runtime: Runtime): App {
  const { setting, fetch, epochMs } = runtime;
  const platform = readPlatformSettings(setting);
  const { jobSecret, webhook } = readAlertSettings(setting);
  const database = createDatabase({ ...platform, fetch });
  return createAccount({
    ...runtime,
    ...platform,
    accounts: createAccounts(database),
    serviceHolds: createServiceHolds(database),
    authenticate: createAuthenticate(platform, epochMs),
    authenticateService: createAuthenticateService(platform),
    jobSecret,
    webhook: webhook && {
      url: webhook.url,
      deliver: createAlertDelivery({ ...webhook, database, fetch, epochMs }),
    },
  });
}
