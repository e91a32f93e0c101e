import { z } from "zod";
import type { Billing, PlanOverview } from "../../../shared/billing/billing-view.ts";
import type { BeginCheckout } from "../../../shared/billing/checkout.ts";
import type { Customers } from "../../../shared/billing/customers.ts";
import type { listInvoices } from "../../../shared/billing/invoices.ts";
import type { PlanChange } from "../../../shared/billing/plan-change.ts";
import type { Reconcile } from "../../../shared/billing/reconciliation.ts";
import type { StripeSync } from "../../../shared/billing/stripe-sync.ts";
import type { Page } from "../../../shared/database/cursor.ts";
import { SluiceError } from "../../../shared/domain/errors.ts";
import { parseFields } from "../../../shared/domain/parse-fields.ts";
import type { Secret } from "../../../shared/domain/secret.ts";
import { type Authenticate, checkAdministrator } from "../../../shared/http/authenticate.ts";
import {
  type App,
  createApp,
  type FrameOptions,
  refuseOtherMethods,
} from "../../../shared/http/create-app.ts";
import { isFromJob } from "../../../shared/keys/job-secret.ts";
import { addPurchaseRoutes } from "./purchase-routes.ts";

/** What is done at Stripe. */
export interface Shop {
  returnUrls: string[];
  customers: Customers;
  sync: StripeSync;
  beginCheckout: BeginCheckout;
  planChange: PlanChange;
  openPortal(customerId: string, returnUrl: string): Promise<string>;
  listInvoices(customerId: string, page: Page): ReturnType<typeof listInvoices>;
  reconcile: Reconcile;
}

export interface BillingOptions extends FrameOptions {
  readPlans(): Promise<PlanOverview>;
  readBilling(userId: string): Promise<Billing>;
  /** Null where nothing is sold: without a key of Stripe's. */
  shop: Shop | null;
  authenticate: Authenticate;
  /** What jobs show; null where none is set. */
  jobSecret: Secret | null;
}

const noneSchema = z.strictObject({});

/** The function `billing`: plans and what they cost, purchases, and the comparison with Stripe. */
export function createBilling(options: BillingOptions): App {
  const { authenticate, jobSecret } = options;
  const app = createApp("billing", options);

  app.use(async (context, next) => {
    await next();
    if (!context.res.headers.has("cache-control")) context.header("cache-control", "no-store");
  });

  // For everybody: people look at prices before they sign up.
  app.get("/plans", async (context) => {
    parseFields(noneSchema, context.req.query());
    const plans = await options.readPlans();
    return context.json(plans, 200, { "cache-control": "public, max-age=60" });
  });

  app.get("/current", async (context) => {
    const { userId } = await authenticate(context.req.raw);
    context.get("log").note({ userId });
    parseFields(noneSchema, context.req.query());
    return context.json(await options.readBilling(userId));
  });

  addPurchaseRoutes(app, options);

  app.post("/reconcile", async (context) => {
    const request = context.req.raw;
    const isJob = jobSecret !== null && (await isFromJob(request, jobSecret));
    if (!isJob) context.get("log").note({ userId: await checkAdministrator(authenticate, request) });
    parseFields(noneSchema, context.req.query());
    return context.json(await openShop(options).reconcile());
  });

  refuseOtherMethods(app, "/plans", ["GET"]);
  refuseOtherMethods(app, "/current", ["GET"]);
  refuseOtherMethods(app, "/reconcile", ["POST"]);
  return app;
}

/** @throws SluiceError not_configured */
export function openShop({ shop }: Pick<BillingOptions, "shop">): Shop {
  if (shop === null) throw new SluiceError("not_configured");
  return shop;
}
