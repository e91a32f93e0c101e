import type Stripe from "stripe";
import { invalid } from "../refusal.ts";
import type { State } from "../state.ts";
import { pageOf } from "./page.ts";

type Json = Record<string, unknown>;
type Rule = (id: string, object: Json) => unknown;

const deepest = 4;

/** Makes the function that puts objects in the place of their ids, or adds lists that are only there when they are asked for. */
export function createExpand(state: State) {
  const customer: Rule = (id) => state.customers.get(id);
  const subscription: Rule = (id) => state.subscriptions.get(id);
  const invoice: Rule = (id) => state.invoices.get(id);
  const intent: Rule = (id) => state.paymentIntents.get(id);
  const charge: Rule = (id) => state.charges.get(id);
  const product: Rule = (id) => state.products.get(id);
  /** By the kind of object, then by field. A field of `data` is reached through the list that it is in. */
  const rules: Record<string, Record<string, Rule>> = {
    price: { product },
    subscription: { customer, latest_invoice: invoice, schedule: (id) => state.schedules.get(id) },
    subscription_schedule: { customer, subscription },
    "checkout.session": {
      customer,
      subscription,
      invoice,
      payment_intent: intent,
      line_items: (_, { id }) =>
        listOf(state.sessions.get(id as string)?.lineItems ?? [], `/v1/checkout/sessions/${id}/line_items`),
    },
    invoice: {
      customer,
      lines: (_, { lines }) => lines,
      payments: (_, { id }) =>
        listOf(
          [...state.invoicePayments.values()].filter((payment) => payment.invoice === id),
          "/v1/invoice_payments",
        ),
    },
    subscription_details: { subscription },
    invoice_payment: { invoice },
    payment: { payment_intent: intent },
    price_details: { price: (id) => state.prices.get(id) },
    payment_intent: { customer, latest_charge: charge },
    charge: { customer, payment_intent: intent },
    refund: { charge, payment_intent: intent },
    dispute: { charge, payment_intent: intent },
    "entitlements.active_entitlement": { feature: (id) => state.features.get(id) },
  };
  return expand;

  /** Expands the paths in a copy of an answer. Throws Stripe's refusal of a path that is not there to be expanded. */
  function expand(answer: object, paths: string[]): object {
    const copy = structuredClone(answer) as Json;
    for (const path of paths) {
      const steps = path.split(".");
      if (steps.length > deepest)
        throw invalid(`You cannot expand more than ${deepest} levels of a property.`, { param: "expand" });
      follow(copy, steps, path, "");
    }
    return copy;
  }

  /** `name` is the field that holds the object: parts of objects have no kind of their own, and are known by it. */
  function follow(object: Json, [step = "", ...rest]: string[], path: string, name: string): void {
    if (object.object === "list" && step === "data") {
      for (const item of object.data as Json[]) if (rest.length > 0) follow(item, rest, path, step);
      return;
    }
    const rule = rules[(object.object as string | undefined) ?? name]?.[step];
    const value = object[step];
    const isPart = typeof value === "object" && value !== null;
    if (!rule && !(isPart && rest.length > 0))
      throw invalid(`This property cannot be expanded (${path}).`, { param: "expand" });
    if (rule && value !== null && !isPart)
      object[step] = structuredClone(rule(value as string, object)) ?? value ?? null;
    const child = object[step];
    if (rest.length > 0 && typeof child === "object" && child !== null)
      follow(child as Json, rest, path, step);
  }
}

function listOf<Item extends { id: string }>(items: Item[], url: string): Stripe.ApiList<Item> {
  return pageOf(items, { limit: 100 }, url);
}
