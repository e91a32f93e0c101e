import { parseSafeAddress } from "../domain/safe-address.ts";
import { createSecret, type Secret } from "../domain/secret.ts";

/** What we need to know of the operator's account at Stripe. */
export interface StripeSettings {
  secretKey: Secret;
  /** Whether the key moves real money. */
  isLive: boolean;
  /** Where Stripe is called, if not at its own address. */
  apiUrl: URL | null;
  /** Those of our endpoints, old and new while they are rolled. Empty: webhooks cannot be checked, and are refused. */
  webhookSecrets: Secret[];
  /** Pages of the app that Stripe's pages lead back to; the first is the one that counts where a caller names none. */
  returnUrls: string[];
}

/**
 * Reads the settings of payments; null without a key of Stripe's: nothing is sold then.
 * @throws Error naming the setting that is wrong, without a word of what it holds
 */
export function readStripeSettings(setting: (name: string) => string | undefined): StripeSettings | null {
  const key = setting("STRIPE_SECRET_KEY")?.trim() || null;
  if (key === null) return null;
  const [, mode] = /^(?:sk|rk)_(live|test)_\w+$/.exec(key) ?? [];
  if (mode === undefined)
    throw new Error("STRIPE_SECRET_KEY must be a secret or restricted key: it begins with sk_ or rk_.");
  const address = setting("STRIPE_API_URL")?.trim() || null;
  const apiUrl = address === null ? null : parseSafeAddress(address);
  if (address !== null && (apiUrl === null || apiUrl.pathname !== "/"))
    throw new Error(
      "STRIPE_API_URL must be an https address (http only within a private network), without a path.",
    );
  const webhookSecrets = list(setting("STRIPE_WEBHOOK_SECRETS"));
  if (!webhookSecrets.every((secret) => /^whsec_\S{8,}$/.test(secret)))
    throw new Error('STRIPE_WEBHOOK_SECRETS must be secrets that begin with "whsec_", separated by commas.');
  const returnUrls = list(setting("BILLING_RETURN_URLS"));
  if (!returnUrls.every(isReturnUrl))
    throw new Error("BILLING_RETURN_URLS must be addresses without a fragment, separated by commas.");
  return {
    secretKey: createSecret(key),
    isLive: mode === "live",
    apiUrl,
    webhookSecrets: webhookSecrets.map((secret) => createSecret(secret)),
    returnUrls,
  };
}

function list(text: string | undefined): string[] {
  return (text ?? "").split(/[\s,]+/).filter((part) => part !== "");
}

/** Apps on a phone have schemes of their own. */
function isReturnUrl(text: string): boolean {
  return URL.canParse(text) && !text.includes("#") && !/^(?:javascript|data|blob|file):/i.test(text);
}
