import { readBilling, readPlans } from "../../../shared/billing/billing-view.ts";
import { createCheckout } from "../../../shared/billing/checkout.ts";
import { createCustomers } from "../../../shared/billing/customers.ts";
import { listInvoices } from "../../../shared/billing/invoices.ts";
import { createPlanChange } from "../../../shared/billing/plan-change.ts";
import { openPortal } from "../../../shared/billing/portal.ts";
import { createReconciliation } from "../../../shared/billing/reconciliation.ts";
import { createStripeClient } from "../../../shared/billing/stripe-client.ts";
import { readStripeSettings, type StripeSettings } from "../../../shared/billing/stripe-settings.ts";
import { createStripeSync } from "../../../shared/billing/stripe-sync.ts";
import { createDatabase, type Database } from "../../../shared/database/database.ts";
import { createAuthenticate } from "../../../shared/http/authenticate.ts";
import type { App } from "../../../shared/http/create-app.ts";
import { readPlatformSettings } from "../../../shared/http/platform-settings.ts";
import type { Runtime } from "../../../shared/http/runtime.ts";
import { readJobSecret } from "../../../shared/keys/job-secret.ts";
import { createBilling, type Shop } from "./app.ts";

/**
 * Puts the function `billing` together.
 * @throws Error naming the setting that is missing or wrong
 */
export function composeBilling(runtime: Runtime): App {
  const { setting, fetch, epochMs } = runtime;
  const platform = readPlatformSettings(setting);
  const settings = readStripeSettings(setting);
  const database = createDatabase({ ...platform, fetch });
  return createBilling({
    ...runtime,
    ...platform,
    readPlans: () => readPlans(database),
    readBilling: (userId) => readBilling(database, userId),
    shop: settings && composeShop(runtime, settings, database),
    authenticate: createAuthenticate(platform, epochMs),
    jobSecret: readJobSecret(setting),
  });
}

function composeShop(runtime: Runtime, settings: StripeSettings, database: Database): Shop {
  const stripe = createStripeClient(settings, runtime.fetch);
  const sync = createStripeSync({ ...runtime, stripe, database });
  const customers = createCustomers({ ...runtime, stripe, database, sync });
  return {
    returnUrls: settings.returnUrls,
    customers,
    sync,
    beginCheckout: createCheckout({ stripe, database, customers }),
    planChange: createPlanChange({ ...runtime, stripe, database, customers, sync }),
    openPortal: (customerId, returnUrl) => openPortal(stripe, customerId, returnUrl),
    listInvoices: (customerId, page) => listInvoices(stripe, customerId, page),
    reconcile: createReconciliation({ ...runtime, stripe, database, sync }),
  };
}
