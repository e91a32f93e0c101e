import { inspect } from "node:util";
import { expect, test } from "vitest";
import { readAlertSettings } from "../../../supabase/functions/account/settings.ts";

const secret = `whsec_${Buffer.alloc(32, 7).toString("base64")}`;
const given: Record<string, string> = {
  JOB_SECRET: "canary-of-a-job-secret-0123456789",
  ALERT_WEBHOOK_URL: "https://hooks.example.com/sluice?token=canary",
  ALERT_WEBHOOK_SECRET: secret,
};

/** Reads the settings of an environment that differs from a complete one in what is named. */
const read = (changed: Record<string, string> = {}) => {
  const environment = { ...given, ...changed };
  return readAlertSettings((name) => environment[name]);
};

test("the settings of alerts are read", () => {
  const { jobSecret, webhook } = read();
  expect(jobSecret?.reveal()).toBe(given.JOB_SECRET);
  expect(webhook?.url.href).toBe(given.ALERT_WEBHOOK_URL);
  expect(inspect(read().jobSecret)).not.toContain("canary");
});

test("none of them is needed, and an empty one counts as none", () => {
  expect(readAlertSettings(() => undefined)).toEqual({ jobSecret: null, webhook: null });
  expect(readAlertSettings(() => " ")).toEqual({ jobSecret: null, webhook: null });
});

test("a webhook within a private network needs no encryption", () => {
  expect(read({ ALERT_WEBHOOK_URL: "http://alerts:4000/" }).webhook?.url.host).toBe("alerts:4000");
});

test.each([
  ["JOB_SECRET", "canary-too-short"],
  ["JOB_SECRET", `canary\n${"x".repeat(40)}`],
  ["JOB_SECRET", `canary-é${"x".repeat(40)}`],
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
