import { expect, test } from "vitest";
import { readAlertWebhook } from "../../../supabase/functions/account/settings.ts";

const secret = `whsec_${Buffer.alloc(32, 7).toString("base64")}`;
const given: Record<string, string> = {
  ALERT_WEBHOOK_URL: "https://hooks.example.com/sluice?token=canary",
  ALERT_WEBHOOK_SECRET: secret,
};

/** Reads the settings of an environment that differs from a complete one in what is named. */
const read = (changed: Record<string, string> = {}) => {
  const environment = { ...given, ...changed };
  return readAlertWebhook((name) => environment[name]);
};

test("the webhook of alerts is read", () => {
  expect(read()?.url.href).toBe(given.ALERT_WEBHOOK_URL);
});

test("none is needed, and empty settings count as none", () => {
  expect(readAlertWebhook(() => undefined)).toBeNull();
  expect(readAlertWebhook(() => " ")).toBeNull();
});

test("a webhook within a private network needs no encryption", () => {
  expect(read({ ALERT_WEBHOOK_URL: "http://alerts:4000/" })?.url.host).toBe("alerts:4000");
});

test.each([
  ["ALERT_WEBHOOK_URL", ""],
  ["ALERT_WEBHOOK_URL", "canary.example.com"],
  ["ALERT_WEBHOOK_URL", "http://canary.example.com/"],
  ["ALERT_WEBHOOK_URL", "https://canary:pass@example.com/"],
  ["ALERT_WEBHOOK_SECRET", ""],
  ["ALERT_WEBHOOK_SECRET", "canary"],
  ["ALERT_WEBHOOK_SECRET", secret.replace("whsec_", "canary_")],
])("%s as %j is refused by its name, without a word of what it holds", (name, value) => {
  const attempt = () => read({ [name]: value });
  expect(attempt).toThrow(new RegExp(`^${name} must .*\\.$`));
  expect(attempt).not.toThrow(/canary/);
});
