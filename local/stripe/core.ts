import type Stripe from "stripe";
import { type NewCustomer, newCustomer } from "./billing/customer-object.ts";
import type { Clock } from "./clock.ts";
import { createEvents, type Emit } from "./events.ts";
import { newId } from "./new-id.ts";
import { missing } from "./refusal.ts";
import type { Card, KeptEvent, State } from "./state.ts";

/** What every part of the stand-in works with. */
export interface Core {
  state: State;
  clock: Clock;
  /** Its own address, which links to its pages begin with. */
  url: string;
  emit: Emit;
  events: ReturnType<typeof createEvents>;
  cardOf(customer: string): Card;
  createCustomer(wanted: Omit<NewCustomer, "id" | "created">): Stripe.Customer;
  /** The customer, who must not have been deleted. */
  findCustomer(id: string, param?: string): Stripe.Customer;
  /** Throws Stripe's refusal of a filter that names a customer who never was. */
  requireCustomer(id: string | undefined): void;
  /** The price; throws Stripe's refusal of a parameter that names one which is not there or not for sale. */
  findPrice(id: string, param: string): Stripe.Price;
}

/** Makes what all parts share from the state. */
export function createCore({
  state,
  clock,
  url,
  deliver,
}: {
  state: State;
  clock: Clock;
  url: string;
  deliver: (kept: KeptEvent) => void;
}): Core {
  const events = createEvents({ state, clock, deliver });
  return {
    state,
    clock,
    url,
    events,
    emit: events.emit,
    cardOf: (customer) => state.cards.get(customer) ?? "succeeds",
    createCustomer(wanted) {
      const customer = newCustomer({ ...wanted, id: newId("cus"), created: clock.now() });
      state.customers.set(customer.id, customer);
      events.emit("customer.created", customer);
      return customer;
    },
    findCustomer(id, param = "id") {
      const customer = state.customers.get(id);
      if (!customer || customer.deleted) throw missing("customer", id, param);
      return customer;
    },
    requireCustomer(id) {
      if (id !== undefined && !state.customers.has(id)) throw missing("customer", id, "customer");
    },
    findPrice(id, param) {
      const price = state.prices.get(id);
      if (!price) throw missing("price", id, param);
      return price;
    },
  };
}

/** The fields that differ between two forms of an object, with what they were; null if none does. */
export function previousAttributes(before: object, after: object): object | null {
  const now = after as Record<string, unknown>;
  const changed = Object.entries(before).filter(
    ([name, value]) => JSON.stringify(value) !== JSON.stringify(now[name]),
  );
  return changed.length === 0 ? null : Object.fromEntries(changed);
}
