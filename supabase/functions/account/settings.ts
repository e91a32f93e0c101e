import { parseSafeAddress } from "../../../shared/domain/safe-address.ts";
import type { ReadSetting } from "../../../shared/http/platform-settings.ts";
import { createWebhookSigner, type SignWebhook } from "../../../shared/keys/webhook-signature.ts";

/**
 * Reads who hears alerts; null where nobody does. Empty settings count as none.
 * @throws Error naming the setting that is wrong, without a word of what it holds
 */
export function readAlertWebhook(setting: ReadSetting): { url: URL; sign: SignWebhook } | null {
  const address = setting("ALERT_WEBHOOK_URL")?.trim() || null;
  const secret = setting("ALERT_WEBHOOK_SECRET")?.trim() || null;
  if (address === null && secret === null) return null;
  const url = parseSafeAddress(address ?? "");
  if (url === null)
    throw new Error(
      "ALERT_WEBHOOK_URL must be an https address (http only within a private network), without user or fragment.",
    );
  const sign = createWebhookSigner(secret ?? "");
  if (sign === null)
    throw new Error(
      'ALERT_WEBHOOK_SECRET must be "whsec_" and 24 to 64 bytes of base64: alerts are signed with it.',
    );
  return { url, sign };
}
