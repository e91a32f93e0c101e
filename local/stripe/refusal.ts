/** What an error of Stripe's says, beside its status. */
export interface RefusalBody {
  type: "api_error" | "card_error" | "idempotency_error" | "invalid_request_error";
  message: string;
  code?: string;
  param?: string;
  decline_code?: string;
}

/** An answer other than 200, in the shape that Stripe gives it. */
export class Refusal extends Error {
  readonly status: number;
  readonly body: RefusalBody;

  constructor(status: number, body: RefusalBody) {
    super(body.message);
    this.name = "Refusal";
    this.status = status;
    this.body = body;
  }
}

/** What is asked for makes no sense: 400. */
export function invalid(message: string, more: { code?: string; param?: string } = {}): Refusal {
  return new Refusal(400, { type: "invalid_request_error", message, ...more });
}

/** There is no such object: 404 where the path names it, 400 where a parameter does. */
export function missing(what: string, id: string, param = "id"): Refusal {
  return new Refusal(param === "id" ? 404 : 400, {
    type: "invalid_request_error",
    code: "resource_missing",
    message: `No such ${what}: '${id}'`,
    param,
  });
}

/** The card does not pay: 402. */
export function declined(needsAuthentication: boolean): Refusal {
  if (needsAuthentication)
    return new Refusal(402, {
      type: "card_error",
      code: "subscription_payment_intent_requires_action",
      message:
        "Payment for this subscription requires additional user action before it can be completed successfully.",
    });
  return new Refusal(402, {
    type: "card_error",
    code: "card_declined",
    decline_code: "generic_decline",
    message: "Your card was declined.",
  });
}
