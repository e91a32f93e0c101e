import Stripe from "stripe";
import { SluiceError } from "../domain/errors.ts";
import type { StripeSettings } from "./stripe-settings.ts";

/** Short: whoever waits has somebody waiting, too, be it Stripe itself for the answer to an event. */
const callTimeoutMs = 4000;

/** The official client. Its keep of the last calls' durations, which it would tell Stripe, is off. */
export function createStripeClient(
  { secretKey, apiUrl }: Pick<StripeSettings, "secretKey" | "apiUrl">,
  fetch: typeof globalThis.fetch,
): Stripe {
  return new Stripe(secretKey.reveal(), {
    httpClient: Stripe.createFetchHttpClient(fetch),
    timeout: callTimeoutMs,
    // Once more: what fails then is answered as unavailable, and whoever asked asks again.
    maxNetworkRetries: 1,
    telemetry: false,
    ...(apiUrl === null
      ? {}
      : {
          protocol: apiUrl.protocol === "http:" ? "http" : "https",
          host: apiUrl.hostname,
          ...(apiUrl.port === "" ? {} : { port: apiUrl.port }),
        }),
  });
}

/** Whether Stripe says that there is no such object: in its own error, or in ours that it caused. */
export function isMissing(error: unknown): boolean {
  if (error instanceof SluiceError) return isMissing(error.cause);
  return error instanceof Stripe.errors.StripeInvalidRequestError && error.code === "resource_missing";
}

/**
 * Whether a customer was deleted at Stripe. That something is missing does not say it: with the key of another account, or of the other
 * mode, everybody is.
 * @throws StripeError where Stripe does not know the customer at all
 */
export async function isDeletedCustomer(stripe: Stripe, customerId: string): Promise<boolean> {
  return (await stripe.customers.retrieve(customerId)).deleted === true;
}

/**
 * Does something at Stripe.
 * @throws SluiceError billing_unavailable where Stripe is down, slow or has too much to do; payment_failed where the card was
 *   declined; billing_busy where the same is being done at Stripe; else internal_error. Stripe's text is the cause, for the log.
 */
export async function atStripe<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (cause) {
    throw cause instanceof Stripe.errors.StripeError ? new SluiceError(codeOf(cause), { cause }) : cause;
  }
}

function codeOf(error: InstanceType<typeof Stripe.errors.StripeError>) {
  if (error instanceof Stripe.errors.StripeCardError) return "payment_failed";
  if (error.statusCode === 409) return "billing_busy";
  // Without a status: no answer, or none that can be read.
  const { statusCode = 0 } = error;
  return statusCode === 0 || statusCode === 429 || statusCode >= 500
    ? "billing_unavailable"
    : "internal_error";
}
