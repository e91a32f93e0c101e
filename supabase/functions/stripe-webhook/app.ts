import type { StripeSync } from "../../../shared/billing/stripe-sync.ts";
import type { ReadWebhook, StripeNotice } from "../../../shared/billing/webhook.ts";
import { SluiceError } from "../../../shared/domain/errors.ts";
import {
  type App,
  createApp,
  type FrameOptions,
  refuseOtherMethods,
} from "../../../shared/http/create-app.ts";
import { readBytes } from "../../../shared/http/read-json.ts";

/** Whoever takes events in. */
interface Receiver {
  /** Whether our own key moves real money: events of the other mode are not ours. */
  isLive: boolean;
  readWebhook: ReadWebhook;
  sync: StripeSync;
}

interface StripeWebhookOptions extends FrameOptions {
  /** Null without a key or a secret: nothing can be checked then, and nothing is taken in. */
  receiver: Receiver | null;
}

/**
 * The function `stripe-webhook`: takes in what Stripe says has happened. Any answer but 200 has Stripe send it again, for three days; so
 * one is acknowledged when what it led to is committed, or when it leads to nothing.
 */
export function createStripeWebhook({ receiver, ...frame }: StripeWebhookOptions): App {
  const app = createApp("stripe-webhook", frame);

  app.post("/", async (context) => {
    if (receiver === null) throw new SluiceError("not_configured");
    const { headers } = context.req.raw;
    const notice = await receiver.readWebhook(
      await readBytes(context.req.raw),
      headers.get("stripe-signature"),
    );
    const outcome = isOurs(notice, receiver)
      ? await receiver.sync.followEvent(notice)
      : "not of this account";
    context.get("log").note({ stripeEvent: { id: notice.id, type: notice.type, outcome } });
    return context.json({ received: true });
  });

  refuseOtherMethods(app, "/", ["POST"]);
  return app;
}

function isOurs({ isLive, account }: StripeNotice, receiver: Receiver): boolean {
  return isLive === receiver.isLive && account === null;
}
