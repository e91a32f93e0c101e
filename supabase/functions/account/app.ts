import type { PreferenceStore } from "../../../shared/catalogue/preferences.ts";
import type { ApiKeys } from "../../../shared/credentials/api-keys.ts";
import type { Authenticate } from "../../../shared/http/authenticate.ts";
import type { CallerAuthentication } from "../../../shared/http/authenticate-caller.ts";
import type { AuthenticateService } from "../../../shared/http/authenticate-service.ts";
import { type App, createApp, type FrameOptions } from "../../../shared/http/create-app.ts";
import type { Accounts } from "../../../shared/metering/accounts.ts";
import type { ServiceHolds } from "../../../shared/metering/service-holds.ts";
import { type AlertRouteOptions, addAlertRoute } from "./alert-route.ts";
import { addApiKeyRoutes } from "./api-key-routes.ts";
import { addHoldRoutes } from "./hold-routes.ts";
import { addLimitRoutes } from "./limit-routes.ts";
import { addPreferenceRoutes } from "./preference-routes.ts";
import { addUsageRoute } from "./usage-route.ts";

interface AccountOptions extends AlertRouteOptions, FrameOptions {
  authenticate: Authenticate;
  callers: CallerAuthentication;
  authenticateService: AuthenticateService;
  accounts: Accounts;
  serviceHolds: ServiceHolds;
  preferences: PreferenceStore;
  apiKeys: ApiKeys;
}

/** The function `account`: what people used and have left, what they chose, their API keys, what other services of the app hold of it, and alerts that are due. */
export function createAccount(options: AccountOptions): App {
  const app = createApp("account", options);
  addLimitRoutes(app, options);
  addUsageRoute(app, options);
  addPreferenceRoutes(app, options);
  addApiKeyRoutes(app, options);
  addHoldRoutes(app, options);
  addAlertRoute(app, options);
  return app;
}
