import { z } from "zod";
import type { StripeNotice } from "./webhook.ts";

/** Whom and what an event is about. */
export interface EventSubject {
  /** Null where the object does not say it: that of the payment, then. */
  customerId: string | null;
  payment: PaymentName | null;
  /** Whether the customer is no more. */
  isDeleted: boolean;
}

/** A payment, by what an event has of it. */
export type PaymentName = { paymentIntentId: string } | { invoiceId: string };

/** An id, also of an object that came whole. */
const reference = z.union([z.string(), z.object({ id: z.string() }).transform(({ id }) => id)]).nullish();
const objectSchema = z.object({
  id: z.string().optional(),
  customer: reference,
  payment_intent: reference,
});
type EventObject = z.output<typeof objectSchema>;

const ofCustomer = ({ customer }: EventObject): EventSubject => ({
  customerId: customer ?? null,
  payment: null,
  isDeleted: false,
});
/** The payment of a subscription is that of its invoice. */
const ofIntent = (object: EventObject): EventSubject => ({
  ...ofCustomer(object),
  payment: object.payment_intent ? { paymentIntentId: object.payment_intent } : null,
});
const ofInvoice = (object: EventObject): EventSubject => ({
  ...ofCustomer(object),
  payment: object.id === undefined ? null : { invoiceId: object.id },
});

/** The events that lead to something. All else is acknowledged. */
const readers: Record<string, (object: EventObject) => EventSubject> = {
  "customer.subscription.created": ofCustomer,
  "customer.subscription.updated": ofCustomer,
  "customer.subscription.deleted": ofCustomer,
  "customer.subscription.paused": ofCustomer,
  "customer.subscription.resumed": ofCustomer,
  "customer.subscription.trial_will_end": ofCustomer,
  "customer.subscription.pending_update_applied": ofCustomer,
  "customer.subscription.pending_update_expired": ofCustomer,
  "entitlements.active_entitlement_summary.updated": ofCustomer,
  "checkout.session.completed": ofIntent,
  "checkout.session.async_payment_succeeded": ofIntent,
  "checkout.session.expired": ofCustomer,
  "invoice.paid": ofInvoice,
  "invoice.payment_failed": ofCustomer,
  "invoice.payment_action_required": ofCustomer,
  "charge.refunded": ofIntent,
  "charge.dispute.created": ofIntent,
  "charge.dispute.funds_withdrawn": ofIntent,
  "charge.dispute.funds_reinstated": ofIntent,
  "charge.dispute.closed": ofIntent,
  "customer.deleted": ({ id }) => ({ customerId: id ?? null, payment: null, isDeleted: true }),
};

/** The types of events that lead to something, for the operator's endpoint. */
export const handledEventTypes: readonly string[] = Object.keys(readers);

/** Whether events of a type lead to something. */
export function isHandled(type: string): boolean {
  return Object.hasOwn(readers, type);
}

/**
 * Whom and what an event is about; null for one that leads to nothing.
 * @param object what it is about, as it was then or as it is now
 * @throws ZodError for an object of a type that leads to something, and that cannot be read: it must come again
 */
export function readSubject(type: StripeNotice["type"], object: unknown): EventSubject | null {
  const read = Object.hasOwn(readers, type) ? readers[type] : undefined;
  if (read === undefined) return null;
  const subject = read(objectSchema.parse(object));
  return subject.customerId === null && subject.payment === null ? null : subject;
}
