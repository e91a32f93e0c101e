import Stripe from "stripe";
import { createStripe } from "../../../local/stripe/create-stripe.ts";
import { readState, writeState } from "../../../local/stripe/keep-state.ts";
import { seed } from "../../../local/stripe/seed.ts";
import { emptyState, type State } from "../../../local/stripe/state.ts";

/** The stand-in for Stripe without a port: its state can be looked at, and kept as it is at a moment. */
export interface MemoryStripe {
  stripe: Stripe;
  fetch: typeof fetch;
  control(method: string, path: string, body?: unknown): Promise<unknown>;
  /** Clicks through the page of a checkout session, with a card that succeeds. */
  pay(sessionId: string): Promise<void>;
  /** The events so far, the oldest first. */
  events(): Stripe.Event[];
  /** All of it, as it is now; `openMemoryStripe` opens it again. */
  freeze(): string;
}

const address = "http://stripe.invalid";

/** @param frozen what `freeze` returned; a new one without it */
export function openMemoryStripe(frozen?: string): MemoryStripe {
  const state: State = frozen === undefined ? emptyState() : readState(frozen);
  if (frozen === undefined) seed(state, Math.floor(Date.now() / 1000));
  const stand = createStripe({ url: address, state, changed: () => {} });
  const serve = async (method: string, url: URL, headers: Record<string, string>, body: string) => {
    const answer = await stand.serve({
      method,
      path: url.pathname,
      query: url.search.slice(1),
      headers,
      body,
    });
    if (answer === null) throw new TypeError("no answer");
    return new Response(answer.status === 204 ? null : answer.body, answer);
  };
  const fetchHere = async (input: string | URL | Request, init?: RequestInit) => {
    const request = new Request(input, init);
    return serve(
      request.method,
      new URL(request.url),
      Object.fromEntries(request.headers),
      await request.text(),
    );
  };
  return {
    stripe: new Stripe("sk_test_memory", {
      ...{ protocol: "http", host: "stripe.invalid", maxNetworkRetries: 0 },
      httpClient: Stripe.createFetchHttpClient(fetchHere as typeof fetch),
    }),
    fetch: fetchHere as typeof fetch,
    async control(method, path, body) {
      const response = await serve(
        method,
        new URL(`/_stripe${path}`, address),
        {},
        body === undefined ? "" : JSON.stringify(body),
      );
      if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
      return response.json();
    },
    async pay(sessionId) {
      const response = await serve("POST", new URL(`/checkout/${sessionId}`, address), {}, "card=succeeds");
      if (response.status !== 303) throw new Error(`${response.status} ${await response.text()}`);
    },
    events: () => [...state.events.values()].map(({ event }) => event),
    freeze: () => writeState(state),
  };
}
