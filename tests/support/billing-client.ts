import { inject } from "vitest";
import type { Billing } from "../../shared/billing/billing-view.ts";
import type { ErrorBody } from "../../shared/domain/errors.ts";
import { type Person, signUp } from "./people.ts";
import { connectShop } from "./stripe-shop.ts";

export interface BillingAnswer<Body> {
  status: number;
  headers: Headers;
  body: Body & Partial<ErrorBody>;
}

/** Calls `billing` as an app does, in the stack of all tests unless another address is given. */
export function createBillingClient(url = `${inject("stack").apiUrl}/functions/v1/billing`) {
  const shop = connectShop();

  async function send<Body = Billing>(
    method: string,
    path: string,
    { token, body, headers }: { token?: string; body?: unknown; headers?: Record<string, string> } = {},
  ): Promise<BillingAnswer<Body>> {
    const response = await fetch(`${url}${path}`, {
      method,
      headers: {
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    return { status: response.status, headers: response.headers, body: (await response.json()) as never };
  }

  const get = <Body = Billing>({ token }: { token: string }, path: string) =>
    send<Body>("GET", path, { token });
  const post = <Body = Billing>({ token }: { token: string }, path: string, body?: unknown) =>
    send<Body>("POST", path, { token, ...(body === undefined ? {} : { body }) });

  return {
    ...{ shop, send, get, post },

    /** Somebody new who has bought a plan by the month, and whose success page has asked for it. */
    async signUpSubscriber(plan = "pro"): Promise<Person & { customer: string; subscription: string }> {
      const person = await signUp();
      const { body } = await post<{ url: string }>(person, "/checkout", { plan, interval: "month" });
      const status = await shop.pay(body.url);
      if (status !== 303) throw new Error(`paid: ${status}`);
      const synced = await post(person, "/sync");
      const [session] = (await shop.stripe.checkout.sessions.list({ limit: 100 })).data.filter(
        ({ client_reference_id: id }) => id === person.userId,
      );
      return {
        ...person,
        customer: session?.customer as string,
        subscription: synced.body.subscription?.id ?? "",
      };
    },
  };
}
