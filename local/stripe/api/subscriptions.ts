import type Stripe from "stripe";
import { z } from "zod";
import type { createRenewals } from "../billing/renewals.ts";
import { periodEndOf } from "../billing/subscription-object.ts";
import type { Subscriptions } from "../billing/subscriptions.ts";
import type { createUpdateSubscription } from "../billing/update-subscription.ts";
import { daySeconds } from "../calendar.ts";
import type { Core } from "../core.ts";
import { invalid, missing } from "../refusal.ts";
import { type Endpoint, endpoint, listEndpoint } from "./endpoint.ts";
import { flag, list, mergeMetadata, metadata, text, unsettable, whole } from "./parameters.ts";
import { findForSale, findSubscription, itemChanges, readItems } from "./subscription-items.ts";

const prorationBehavior = z.enum(["always_invoice", "create_prorations", "none"]);

const trialSettings = z.strictObject({
  end_behavior: z.strictObject({ missing_payment_method: z.enum(["cancel", "create_invoice", "pause"]) }),
});

/** What may stand beside `pending_if_incomplete`: an update that waits can hold nothing else. */
const pendable = ["items", "proration_behavior", "proration_date", "payment_behavior"];

/** What of a subscription that has ended can still be changed. */
const mendable = ["cancellation_details", "metadata"];

const cancellationDetails = z.strictObject({
  comment: unsettable(text).optional(),
  feedback: unsettable(text).optional(),
});

/** Calls for subscriptions, but for their pauses. */
export function subscriptionEndpoints(
  core: Core,
  subscriptions: Subscriptions,
  updates: ReturnType<typeof createUpdateSubscription>,
  renewals: ReturnType<typeof createRenewals>,
): Endpoint[] {
  const { state, clock } = core;
  const find = (id: string) => findSubscription(core, id);
  return [
    endpoint(
      "POST /v1/subscriptions",
      {
        customer: text,
        items: list(z.strictObject({ price: text, quantity: whole.optional() })),
        trial_period_days: whole.optional(),
        trial_end: whole.optional(),
        trial_settings: trialSettings.optional(),
        payment_behavior: z
          .enum(["allow_incomplete", "default_incomplete", "error_if_incomplete"])
          .optional(),
        billing_mode: z.strictObject({ type: z.enum(["classic", "flexible"]) }).optional(),
        off_session: flag.optional(),
        metadata: metadata.optional(),
      },
      (wanted) => {
        core.findCustomer(wanted.customer, "customer");
        const { trial_period_days: days, trial_end: end } = wanted;
        return subscriptions.create({
          customer: wanted.customer,
          items: wanted.items.map(({ price, quantity = 1 }, index) => ({
            price: findForSale(core, price, `items[${index}][price]`),
            quantity,
          })),
          trialEnd: end ?? (days ? clock.now() + days * daySeconds : null),
          missingPaymentMethod: wanted.trial_settings?.end_behavior.missing_payment_method,
          billingMode: wanted.billing_mode?.type,
          paymentBehavior: wanted.payment_behavior,
          metadata: wanted.metadata ?? {},
        });
      },
    ),
    listEndpoint(
      "GET /v1/subscriptions",
      { customer: text.optional(), status: text.optional(), price: text.optional() },
      ({ customer, status, price }) => {
        core.requireCustomer(customer);
        return [...state.subscriptions.values()].filter(
          (subscription) =>
            (customer === undefined || subscription.customer === customer) &&
            (price === undefined || subscription.items.data.some((item) => item.price.id === price)) &&
            hasStatus(subscription, status),
        );
      },
    ),
    endpoint("GET /v1/subscriptions/:id", {}, (_, id = "") => find(id)),
    endpoint(
      "POST /v1/subscriptions/:id",
      {
        items: itemChanges.optional(),
        proration_behavior: prorationBehavior.optional(),
        proration_date: whole.optional(),
        payment_behavior: z
          .enum(["allow_incomplete", "default_incomplete", "error_if_incomplete", "pending_if_incomplete"])
          .optional(),
        cancel_at_period_end: flag.optional(),
        cancel_at: unsettable(z.union([whole, z.enum(["min_period_end", "max_period_end"])])).optional(),
        pause_collection: unsettable(
          z.strictObject({
            behavior: z.enum(["keep_as_draft", "mark_uncollectible", "void"]),
            resumes_at: whole.optional(),
          }),
        ).optional(),
        trial_end: z.union([z.literal("now"), whole]).optional(),
        off_session: flag.optional(),
        cancellation_details: cancellationDetails.optional(),
        metadata: metadata.optional(),
      },
      (wanted, id = "") => {
        const subscription = find(id);
        const { items, cancel_at, cancel_at_period_end, pause_collection, trial_end } = wanted;
        const names = Object.keys(wanted);
        if (subscription.ended_at !== null && names.some((name) => !mendable.includes(name)))
          throw invalid("A canceled subscription can only update its cancellation_details and metadata.");
        if (wanted.payment_behavior === "pending_if_incomplete") {
          const other = names.find((name) => !pendable.includes(name));
          if (other !== undefined)
            throw invalid(`\`${other}\` is not supported with \`payment_behavior=pending_if_incomplete\`.`, {
              param: other,
            });
        }
        if (items)
          updates.changeItems(subscription, {
            items: readItems(core, subscription, items),
            prorationBehavior: wanted.proration_behavior,
            prorationDate: wanted.proration_date,
            paymentBehavior: wanted.payment_behavior,
          });
        if (cancel_at !== undefined)
          updates.scheduleEnd(
            subscription,
            typeof cancel_at === "string" ? periodEndOf(subscription) : cancel_at,
          );
        else if (cancel_at_period_end !== undefined)
          updates.scheduleEnd(subscription, cancel_at_period_end ? "period_end" : null);
        if (trial_end !== undefined)
          updates.moveTrialEnd(subscription, trial_end === "now" ? clock.now() : trial_end);
        subscriptions.revise(subscription, (it) => {
          if (pause_collection !== undefined)
            it.pause_collection = pause_collection && {
              behavior: pause_collection.behavior,
              resumes_at: pause_collection.resumes_at ?? null,
            };
          if (it.cancellation_details) Object.assign(it.cancellation_details, wanted.cancellation_details);
          it.metadata = mergeMetadata(it.metadata, wanted.metadata);
        });
        if (trial_end === "now") renewals.renew(subscription);
        return subscription;
      },
    ),
    endpoint(
      "DELETE /v1/subscriptions/:id",
      { cancellation_details: cancellationDetails.optional() },
      ({ cancellation_details }, id = "") => {
        const subscription = find(id);
        if (subscription.status === "canceled") throw missing("subscription", id);
        subscriptions.cancel(subscription, "cancellation_requested", cancellation_details);
        return subscription;
      },
    ),
  ];
}

/** Without a status, lists leave out what has been canceled. */
function hasStatus({ status }: Stripe.Subscription, wanted: string | undefined): boolean {
  if (wanted === "all") return true;
  if (wanted === "ended") return status === "canceled" || status === "incomplete_expired";
  return wanted === undefined ? status !== "canceled" : status === wanted;
}
