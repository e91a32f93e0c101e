import { createHmac, randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { createWebhookSigner } from "../../../shared/keys/webhook-signature.ts";

/** Of so many bytes. */
const secretOf = (bytes: number) => `whsec_${randomBytes(bytes).toString("base64")}`;

test("a message is signed as the published example of Standard Webhooks is", async () => {
  const sign = createWebhookSigner("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
  expect(
    await sign?.({
      id: "msg_p5jXN8AQM9LWM0D4loKWxJek",
      sentAtMs: 1614265330_999,
      body: '{"test": 2432232314}',
    }),
  ).toEqual({
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": "1614265330",
    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
  });
});

test.each([24, 32, 64])("the bytes of the secret are the key, also %i of them", async (bytes) => {
  const secret = secretOf(bytes);
  const headers = await createWebhookSigner(secret)?.({ id: "id", sentAtMs: 5000, body: "наш 🌊" });
  const key = Buffer.from(secret.slice("whsec_".length), "base64");
  const expected = createHmac("sha256", key).update("id.5.наш 🌊").digest("base64");
  expect(headers?.["webhook-signature"]).toBe(`v1,${expected}`);
});

test.each([
  ["nothing", ""],
  ["no prefix", secretOf(32).slice("whsec_".length)],
  ["another prefix", secretOf(32).replace("whsec_", "sk_")],
  ["too few bytes", secretOf(23)],
  ["too many bytes", secretOf(65)],
  ["no base64", `whsec_${"!".repeat(32)}`],
  ["base64 without its padding", secretOf(32).replaceAll("=", "")],
])("%s is no secret", (_what, secret) => {
  expect(createWebhookSigner(secret)).toBeNull();
});
