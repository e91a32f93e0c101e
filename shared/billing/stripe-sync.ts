import type Stripe from "stripe";
import { type Database, unwrap } from "../database/database.ts";
import { type BillingPriceRow, readBillingPrice } from "./billing-price.ts";
import { type EventSubject, isHandled, type PaymentName, readSubject } from "./event-subject.ts";
import { type ReadPayment, readCharge, readPayments } from "./read-payment.ts";
import { atStripe, isDeletedCustomer, isMissing } from "./stripe-client.ts";
import { readSubscription, type SubscriptionRow } from "./subscription-row.ts";
import type { StripeNotice } from "./webhook.ts";

/** What became of an event. Of somebody else: of a customer who is none of our callers'. */
type EventOutcome = "done" | "done before" | "leads to nothing" | "of somebody else";

/**
 * Has the database follow what Stripe has. Whatever leads to it, all subscriptions of a customer are read, after a ticket was drawn:
 * so the order and the number of events do not matter, and no lock is held while Stripe is asked.
 * @throws in each of its functions SluiceError billing_unavailable, database_unavailable: nothing is half done, and to be tried again
 */
export interface StripeSync {
  /** Does what an event leads to, once. */
  followEvent(notice: StripeNotice): Promise<EventOutcome>;
  /**
   * Reads a customer's subscriptions, and those of their payments of the last 30 days that are not known as they stand.
   * @returns whether anything differed from what was known
   */
  followCustomer(customerId: string, options?: { isReconciliation?: boolean }): Promise<boolean>;
  /** Takes down that Stripe has deleted a customer. */
  forgetCustomer(customerId: string): Promise<void>;
}

interface StripeSyncOptions {
  stripe: Stripe;
  database: Database;
  /** Milliseconds since the epoch. */
  epochMs(): number;
}

interface BegunSync {
  is_done: boolean;
  is_known: boolean;
  ticket: number;
  /** Null where an event led here. */
  payments: { id: string; refunded: number; disputed: number }[] | null;
}

/** What was read at Stripe, for `apply_stripe_sync`. */
interface StripeState {
  subscriptions: SubscriptionRow[];
  features?: string[];
  prices: BillingPriceRow[];
  payments: ReadPayment["payment"][];
  is_deleted?: true;
  is_reconciliation?: true;
}

const day = 24 * 60 * 60;
const paymentDays = 30;
/** More than anybody has. */
const most = 1000;

export function createStripeSync({ stripe, database, epochMs }: StripeSyncOptions): StripeSync {
  async function followEvent(notice: StripeNotice): Promise<EventOutcome> {
    const subject = await findSubject(notice);
    const event = { id: notice.id, type: notice.type, created_at: notice.createdAt };
    const begun = await begin({
      endpoint: notice.endpoint,
      event: subject === null ? { ...event, is_ignored: true } : event,
      ...(subject?.customerId ? { customer_id: subject.customerId } : {}),
    });
    if (subject === null) return "leads to nothing";
    if (begun.is_done) return "done before";
    const isForeign = subject.customerId !== null && !begun.is_known;
    const read = isForeign ? null : await atStripe(() => readSubjectState(subject));
    const customerId = read?.customerId ?? subject.customerId;
    await apply(customerId ?? "", begun.ticket, read?.state ?? {}, notice);
    return read === null ? "of somebody else" : "done";
  }

  /** A thin notice says only where its object is. */
  async function findSubject(notice: StripeNotice): Promise<EventSubject | null> {
    const { type, objectPath } = notice;
    if (objectPath === null || !isHandled(type)) return readSubject(type, notice.object);
    return readSubject(type, await atStripe(() => stripe.rawRequest("GET", objectPath)));
  }

  async function readSubjectState({ customerId, payment, isDeleted }: EventSubject) {
    const payments = payment === null ? [] : await readPayments(stripe, payment);
    const owner = customerId ?? payments[0]?.customerId ?? null;
    if (owner === null) return null;
    const state = await readSubscriptions(owner);
    return {
      customerId: owner,
      state: { ...withPayments(state, payments, owner), ...(isDeleted ? { is_deleted: true as const } : {}) },
    };
  }

  async function followCustomer(
    customerId: string,
    { isReconciliation = false }: { isReconciliation?: boolean } = {},
  ): Promise<boolean> {
    const { ticket, payments: known } = await begin({ customer_id: customerId });
    const state = await atStripe(async () => {
      const [subscriptions, names] = await Promise.all([
        readSubscriptions(customerId),
        findUnknownPayments(customerId, known ?? []),
      ]);
      const payments = await Promise.all(names.map((name) => readPayments(stripe, name)));
      return withPayments(subscriptions, payments.flat(), customerId);
    });
    return apply(customerId, ticket, isReconciliation ? { ...state, is_reconciliation: true } : state, null);
  }

  async function forgetCustomer(customerId: string): Promise<void> {
    const { ticket } = await begin({ customer_id: customerId });
    const state = await atStripe(() => readSubscriptions(customerId));
    await apply(customerId, ticket, { ...state, is_deleted: true }, null);
  }

  async function readSubscriptions(customerId: string): Promise<StripeState> {
    const subscriptions = await listSubscriptions(customerId);
    const prices = subscriptions.flatMap(({ items }) => items.data.map(({ price }) => price));
    const state = {
      subscriptions: subscriptions.map(readSubscription),
      prices: prices.flatMap((price) => readBillingPrice(price) ?? []),
      payments: [],
    };
    const isNamed = new Set(state.prices.map(({ id }) => id));
    const isUnclear = state.subscriptions.some(
      ({ status, price_id }) => status !== "canceled" && !isNamed.has(price_id),
    );
    return isUnclear ? { ...state, features: await listFeatures(customerId) } : state;
  }

  const listSubscriptions = (customer: string): Promise<Stripe.Subscription[]> =>
    listOf(
      customer,
      stripe.subscriptions.list({ customer, status: "all", limit: 100, expand: ["data.schedule"] }),
    );

  /** What Stripe Entitlements says that subscriptions give, where their prices say nothing. */
  async function listFeatures(customer: string): Promise<string[]> {
    const { data } = await stripe.entitlements.activeEntitlements.list({ customer, limit: 100 });
    return data.map(({ lookup_key: key }) => key);
  }

  async function findUnknownPayments(
    customer: string,
    known: NonNullable<BegunSync["payments"]>,
  ): Promise<PaymentName[]> {
    const intents = await listOf(
      customer,
      stripe.paymentIntents.list({
        customer,
        created: { gte: Math.floor(epochMs() / 1000) - paymentDays * day },
        limit: 100,
        expand: ["data.latest_charge"],
      }),
    );
    return intents
      .filter((intent) => {
        const charge = readCharge(intent);
        const found = known.find(({ id }) => id === intent.id);
        return (
          charge !== null &&
          (found?.refunded !== charge.amount_refunded || charge.disputed || found.disputed > 0)
        );
      })
      .map(({ id }) => ({ paymentIntentId: id }));
  }

  /** All of a customer's: nothing where the customer was deleted. */
  async function listOf<Item>(customer: string, pages: Stripe.ApiListPromise<Item>): Promise<Item[]> {
    try {
      return await pages.autoPagingToArray({ limit: most });
    } catch (error) {
      if (isMissing(error) && (await isDeletedCustomer(stripe, customer))) return [];
      throw error;
    }
  }

  async function begin(fields: {
    customer_id?: string;
    endpoint?: string;
    event?: Record<string, string | boolean>;
  }): Promise<BegunSync> {
    return unwrap(await database.rpc("begin_stripe_sync", fields)) as unknown as BegunSync;
  }

  async function apply(
    customerId: string,
    ticket: number,
    state: Partial<StripeState>,
    notice: StripeNotice | null,
  ): Promise<boolean> {
    const answer = await database.rpc("apply_stripe_sync", {
      customer_id: customerId,
      ticket,
      state: state as never,
      ...(notice === null ? {} : { endpoint: notice.endpoint, event_id: notice.id }),
    });
    return unwrap(answer);
  }

  return { followEvent, followCustomer, forgetCustomer };
}

/** Payments of this customer, with the prices that they name. */
function withPayments(state: StripeState, payments: ReadPayment[], customerId: string): StripeState {
  const own = payments.filter((payment) => payment.customerId === customerId);
  return {
    ...state,
    prices: [...state.prices, ...own.flatMap(({ prices }) => prices)],
    payments: own.map(({ payment }) => payment),
  };
}
