import { createHmac, randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { parseFingerprint } from "../../../shared/keys/fingerprint.ts";

const bytes = randomBytes(32);
const setting = bytes.toString("base64");

test("the same key of a provider has the same fingerprint, and no other has", async () => {
  const fingerprint = parseFingerprint(setting);
  const made = await fingerprint?.("openai", "sk-mine");
  expect(made).toBe(createHmac("sha256", bytes).update("openai sk-mine").digest("hex").slice(0, 16));
  expect(await parseFingerprint(`${setting}\n`)?.("openai", "sk-mine")).toBe(made);
  expect(await fingerprint?.("openai", "sk-yours")).not.toBe(made);
  expect(await fingerprint?.("openrouter", "sk-mine")).not.toBe(made);
});

test("without the setting there are no fingerprints", () => {
  for (const none of [undefined, ""]) expect(parseFingerprint(none)).toBeNull();
});

test.each([
  ["too short", randomBytes(31).toString("base64")],
  ["too long", randomBytes(33).toString("base64")],
  ["hex in the place of base64", randomBytes(32).toString("hex")],
  ["base64url", Buffer.alloc(32, 0xfb).toString("base64url")],
  ["all of one byte", Buffer.alloc(32, 7).toString("base64")],
  ["a sentence", "correct horse battery staple"],
])("a setting that is %s is refused by its name, and not shown", (_what, text) => {
  expect(() => parseFingerprint(text)).toThrow(
    "BYOK_FINGERPRINT_KEY must be 32 random bytes as canonical base64.",
  );
});
