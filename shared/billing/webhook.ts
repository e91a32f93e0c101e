import Stripe from "stripe";
import { z } from "zod";
import { SluiceError } from "../domain/errors.ts";
import type { Secret } from "../domain/secret.ts";

/** What Stripe says has happened. */
export interface StripeNotice {
  /** Whether it came whole, or as a thin notice of API v2, which says only what it is about. */
  endpoint: "snapshot" | "thin";
  id: string;
  /** Such as `customer.subscription.updated`, in both forms. */
  type: string;
  /** ISO 8601. Says nothing about the order. */
  createdAt: string;
  isLive: boolean;
  /** The account of somebody else that it happened in; null for our own. */
  account: string | null;
  /** What it is about, as it was then; null for a thin notice. */
  object: unknown;
  /** Where it is at Stripe; null for one that came whole. */
  objectPath: string | null;
}

/** So many seconds old, or in the future, a signature may be: Stripe's own libraries allow the same, but no end to the future. */
const toleranceSeconds = 300;
/** What Stripe names v1's events in its thin notices. */
const thinPrefix = "v1.";

const snapshotSchema = z.object({
  object: z.literal("event"),
  id: z.string().min(1).max(255),
  type: z.string().min(1).max(100),
  created: z.int().min(0).max(253402300799),
  livemode: z.boolean(),
  account: z.string().nullish(),
  data: z.object({ object: z.unknown() }),
});
const thinSchema = z.object({
  object: z.literal("v2.core.event"),
  id: z.string().min(1).max(255),
  type: z.string().min(1).max(100),
  created: z.iso.datetime({ offset: true }),
  livemode: z.boolean(),
  context: z.string().nullish(),
  related_object: z.object({ url: z.string().regex(/^\/v[12]\/[\w./-]+$/) }).nullish(),
});
const noticeSchema = z.discriminatedUnion("object", [snapshotSchema, thinSchema]);

/**
 * Reads what Stripe sent, once it is proved that Stripe did.
 * @param body exactly as it came: what is written anew has another signature
 * @param header `stripe-signature`
 * @throws SluiceError signature_invalid; invalid_request for what is signed and no event
 */
export type ReadWebhook = (body: Uint8Array, header: string | null) => Promise<StripeNotice>;

/**
 * @param secrets at least one; each may have signed, so that they can be rolled
 * @param epochMs milliseconds since the epoch
 */
export function createWebhookReader(secrets: Secret[], epochMs: () => number): ReadWebhook {
  return async (body, header) => {
    const nowMs = epochMs();
    checkAge(header, nowMs);
    const text = new TextDecoder().decode(body);
    await checkSignature(text, header ?? "", secrets, nowMs);
    return readNotice(text);
  };
}

/** The library accepts every moment of the future, and several of them, of which it takes the last. */
function checkAge(header: string | null, nowMs: number): void {
  const [stamp, ...others] = [...(header ?? "").matchAll(/(?:^|,)t=([^,]*)/g)].map(([, value]) => value);
  if (stamp === undefined || others.length > 0 || !/^\d{1,12}$/.test(stamp)) throw refuse("has no timestamp");
  const ageSeconds = Math.floor(nowMs / 1000) - Number(stamp);
  if (Math.abs(ageSeconds) > toleranceSeconds)
    throw refuse(`is older than ${toleranceSeconds} s, or from the future: check the clocks`);
}

async function checkSignature(text: string, header: string, secrets: Secret[], nowMs: number): Promise<void> {
  for (const secret of secrets) {
    try {
      const isSigned = await Stripe.webhooks.signature?.verifyHeaderAsync(
        text,
        header,
        secret.reveal(),
        toleranceSeconds,
        Stripe.createSubtleCryptoProvider(),
        nowMs,
      );
      if (isSigned === true) return;
    } catch {
      // Whatever the library throws: for a signature that is empty it is no error of its own kind.
    }
  }
  throw refuse("is none of ours");
}

function readNotice(text: string): StripeNotice {
  const parsed = noticeSchema.safeParse(parse(text));
  if (!parsed.success)
    throw new SluiceError("invalid_request", {
      message: "The body is signed, but no event of Stripe's.",
      cause: parsed.error,
    });
  const event = parsed.data;
  const { id, livemode: isLive } = event;
  if (event.object === "event")
    return {
      endpoint: "snapshot",
      ...{ id, isLive, type: event.type },
      createdAt: new Date(event.created * 1000).toISOString(),
      account: event.account ?? null,
      object: event.data.object,
      objectPath: null,
    };
  return {
    endpoint: "thin",
    ...{ id, isLive },
    type: event.type.startsWith(thinPrefix) ? event.type.slice(thinPrefix.length) : event.type,
    createdAt: event.created,
    account: event.context ?? null,
    object: null,
    objectPath: event.related_object?.url ?? null,
  };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function refuse(reason: string): SluiceError {
  return new SluiceError("signature_invalid", { message: `The signature ${reason}.` });
}
