import type Stripe from "stripe";
import { z } from "zod";
import type { Subscriptions } from "../billing/subscriptions.ts";
import { type Core, previousAttributes } from "../core.ts";
import { missing } from "../refusal.ts";
import { type Endpoint, endpoint, listEndpoint } from "./endpoint.ts";
import { mergeMetadata, metadata, text, unsettable } from "./parameters.ts";

const fields = {
  email: unsettable(text).optional(),
  name: unsettable(text).optional(),
  description: unsettable(text).optional(),
  metadata: metadata.optional(),
  invoice_settings: z.strictObject({ default_payment_method: unsettable(text).optional() }).optional(),
};

/** Calls for customers. */
export function customerEndpoints(core: Core, subscriptions: Subscriptions): Endpoint[] {
  const { state, emit } = core;
  return [
    endpoint("POST /v1/customers", fields, (wanted) => {
      const { email = null, name = null, description = null } = wanted;
      return core.createCustomer({ email, name, description, metadata: wanted.metadata ?? {} });
    }),
    listEndpoint("GET /v1/customers", { email: text.optional() }, ({ email }) =>
      [...state.customers.values()].filter(
        (customer): customer is Stripe.Customer =>
          !customer.deleted && (email === undefined || customer.email === email),
      ),
    ),
    endpoint("GET /v1/customers/:id", {}, (_, id = "") => {
      const customer = state.customers.get(id);
      if (!customer) throw missing("customer", id);
      return customer;
    }),
    endpoint("POST /v1/customers/:id", fields, (wanted, id = "") => {
      const customer = core.findCustomer(id);
      const before = structuredClone(customer);
      const { email, name, description, invoice_settings } = wanted;
      if (email !== undefined) customer.email = email;
      if (name !== undefined) customer.name = name;
      if (description !== undefined) customer.description = description;
      if (invoice_settings?.default_payment_method !== undefined)
        customer.invoice_settings.default_payment_method = invoice_settings.default_payment_method;
      customer.metadata = mergeMetadata(customer.metadata, wanted.metadata);
      const previous = previousAttributes(before, customer);
      if (previous) emit("customer.updated", customer, previous);
      return customer;
    }),
    endpoint("DELETE /v1/customers/:id", {}, (_, id = "") => {
      const customer = core.findCustomer(id);
      for (const subscription of state.subscriptions.values())
        if (subscription.customer === id && !subscription.ended_at)
          subscriptions.cancel(subscription, "cancellation_requested");
      const deleted: Stripe.DeletedCustomer = { id, object: "customer", deleted: true };
      state.customers.set(id, deleted);
      emit("customer.deleted", customer);
      return deleted;
    }),
  ];
}
