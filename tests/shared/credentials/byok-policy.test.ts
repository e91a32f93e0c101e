import { expect, test } from "vitest";
import { readByokPolicy } from "../../../shared/credentials/byok-policy.ts";

const read = (settings: Record<string, string>) => readByokPolicy((name) => settings[name]);

test.each([
  [{}, { permission: null, allowsBaseUrls: false }],
  [
    { DEPLOYMENT_MODE: "hosted", BYOK: "allowed" },
    { permission: null, allowsBaseUrls: false },
  ],
  [
    { DEPLOYMENT_MODE: "", BYOK: " ", BYOK_BASE_URLS: "" },
    { permission: null, allowsBaseUrls: false },
  ],
  [{ BYOK: "forbidden" }, { permission: "forbidden", allowsBaseUrls: false }],
  [{ DEPLOYMENT_MODE: "self-hosted" }, { permission: "required", allowsBaseUrls: false }],
  [{ BYOK_BASE_URLS: "public" }, { permission: null, allowsBaseUrls: true }],
])("%j means %j", (settings, policy) => {
  expect(read(settings)).toEqual(policy);
});

test.each([
  [{ DEPLOYMENT_MODE: "Hosted" }, "DEPLOYMENT_MODE must be hosted or self-hosted."],
  [{ BYOK: "no" }, "BYOK must be allowed or forbidden."],
  [{ BYOK_BASE_URLS: "any" }, "BYOK_BASE_URLS must be forbidden or public."],
  [
    { DEPLOYMENT_MODE: "self-hosted", BYOK: "forbidden" },
    "BYOK must not be forbidden where DEPLOYMENT_MODE is self-hosted: nothing would be left.",
  ],
])("%j is refused by name, so that no function starts half configured", (settings, message) => {
  expect(() => read(settings as Record<string, string>)).toThrow(message);
});
