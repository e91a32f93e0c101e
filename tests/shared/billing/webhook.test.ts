import { createHmac } from "node:crypto";
import { describe, expect, test } from "vitest";
import { createWebhookReader } from "../../../shared/billing/webhook.ts";
import { createSecret } from "../../../shared/domain/secret.ts";
import { rejectionOf } from "../thrown-by.ts";

const nowSeconds = 1_800_000_000;
const [old, current, foreign] = ["whsec_old_0123456789", "whsec_new_0123456789", "whsec_foreign_012345"];
const read = createWebhookReader([createSecret(old), createSecret(current)], () => nowSeconds * 1000 + 999);

const event = {
  id: "evt_1",
  object: "event",
  type: "customer.subscription.updated",
  created: nowSeconds - 5,
  livemode: false,
  data: { object: { id: "sub_1", customer: "cus_1", note: "ä €" } },
};
const body = JSON.stringify(event, null, 2);
const thinBody = JSON.stringify({
  id: "evt_2",
  object: "v2.core.event",
  type: "v1.customer.subscription.updated",
  created: "2027-01-15T08:00:00.000Z",
  livemode: false,
  related_object: { id: "sub_1", type: "subscription", url: "/v1/subscriptions/sub_1" },
});

const sign = (text: string, secret = current, seconds: number | string = nowSeconds) =>
  createHmac("sha256", secret).update(`${seconds}.${text}`).digest("hex");
const header = (text = body, secret = current, seconds: number | string = nowSeconds) =>
  `t=${seconds},v1=${sign(text, secret, seconds)}`;
const bytes = (text: string) => new TextEncoder().encode(text);

describe("accepts what Stripe signed:", () => {
  test.each([
    ["with the newest secret", header()],
    ["with the one before, while secrets are rolled", header(body, old)],
    [
      "with both, as Stripe does while it rolls them",
      `t=${nowSeconds},v1=${sign(body, foreign)},v1=${sign(body)},v0=${sign(body)}`,
    ],
    ["300 s ago", header(body, current, nowSeconds - 300)],
    ["300 s in the future", header(body, current, nowSeconds + 300)],
  ])("%s", async (_, signature) => {
    expect(await read(bytes(body), signature)).toEqual({
      endpoint: "snapshot",
      id: "evt_1",
      type: "customer.subscription.updated",
      createdAt: new Date(event.created * 1000).toISOString(),
      isLive: false,
      account: null,
      object: event.data.object,
      objectPath: null,
    });
  });

  test("as a thin notice, which says where its object is", async () => {
    expect(await read(bytes(thinBody), header(thinBody))).toMatchObject({
      endpoint: "thin",
      id: "evt_2",
      type: "customer.subscription.updated",
      object: null,
      objectPath: "/v1/subscriptions/sub_1",
    });
  });

  test.each([
    ["account", body.replace('"livemode": false', '"livemode": true, "account": "acct_1"')],
    ["context", thinBody.replace('"livemode":false', '"livemode":true,"context":"acct_1"')],
  ])("of another mode and another account, which it tells (%s)", async (_, text) => {
    expect(await read(bytes(text), header(text))).toMatchObject({ isLive: true, account: "acct_1" });
  });
});

describe("refuses:", () => {
  const reserialised = JSON.stringify(event);
  test.each<[string, string, string | null]>([
    ["a body that was tampered with", body.replace("cus_1", "cus_2"), header()],
    ["a body that was written anew", reserialised, header()],
    ["another secret", body, header(body, foreign)],
    ["an empty secret", body, header(body, "")],
    ["301 s ago", body, header(body, current, nowSeconds - 301)],
    ["301 s in the future", body, header(body, current, nowSeconds + 301)],
    ["a year in the future", body, header(body, current, nowSeconds + 31_536_000)],
    [
      "two timestamps, of which one is fresh",
      body,
      `t=${nowSeconds},${header(body, current, nowSeconds - 9000)}`,
    ],
    ["a timestamp that is no number", body, header(body, current, "1e9")],
    ["a negative timestamp", body, header(body, current, -nowSeconds)],
    ["v0 alone", body, `t=${nowSeconds},v0=${sign(body)}`],
    ["no signature", body, `t=${nowSeconds}`],
    ["an empty signature", body, `t=${nowSeconds},v1=`],
    ["no header", body, null],
    ["an empty header", body, ""],
    ["an empty body", "", header("")],
    ["the signature of another event", body, header(thinBody)],
    ["a thin notice that was tampered with", thinBody.replace("sub_1", "sub_2"), header(thinBody)],
  ])("%s", async (_, text, signature) => {
    const { code, status, message } = await rejectionOf(read(bytes(text), signature));
    expect([code, status]).toEqual(["signature_invalid", 400]);
    expect(message).toMatch(/^The signature [\S ]+\.$/);
  });

  test.each([
    "no JSON",
    "[]",
    "{}",
    '{"object":"event"}',
    '{"object":"charge","id":"ch_1"}',
    thinBody.replace("/v1/subs", "https://example.com/"),
  ])("what is signed and no event: %s", async (text) => {
    expect(await rejectionOf(read(bytes(text), header(text)))).toMatchObject({
      code: "invalid_request",
      status: 400,
    });
  });
});
