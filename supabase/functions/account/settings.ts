import { parseSafeAddress } from "../../../shared/domain/safe-address.ts";
import { createSecret, type Secret } from "../../../shared/domain/secret.ts";
import type { ReadSetting } from "../../../shared/http/platform-settings.ts";
import { createWebhookSigner, type SignWebhook } from "../../../shared/keys/webhook-signature.ts";

interface AlertSettings {
  /** What jobs show to be let in; null where none is set. */
  jobSecret: Secret | null;
  /** Who hears alerts; null where nobody does. */
  webhook: { url: URL; sign: SignWebhook } | null;
}

/** Printable: it travels in a header. So long that nobody guesses it. */
const jobSecretPattern = /^[\x20-\x7E]{32,}$/;

/**
 * Reads the settings of alerts; empty ones count as none.
 * @throws Error naming the setting that is wrong, without a word of what it holds
 */
export function readAlertSettings(setting: ReadSetting): AlertSettings {
  const read = (name: string) => setting(name)?.trim() || null;
  const jobSecret = read("JOB_SECRET");
  if (jobSecret !== null && !jobSecretPattern.test(jobSecret))
    throw new Error("JOB_SECRET must have at least 32 printable ASCII characters.");
  return {
    jobSecret: jobSecret === null ? null : createSecret(jobSecret),
    webhook: readWebhook(read("ALERT_WEBHOOK_URL"), read("ALERT_WEBHOOK_SECRET")),
  };
}

function readWebhook(address: string | null, secret: string | null): AlertSettings["webhook"] {
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
