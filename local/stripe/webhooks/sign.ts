import { createHmac } from "node:crypto";

/** The header `stripe-signature` of a body: the whole text of the secret is the key, `whsec_` included. The time is in whole seconds. */
export function sign(body: string, secret: string, time: number): string {
  return `t=${time},v1=${createHmac("sha256", secret).update(`${time}.${body}`).digest("hex")}`;
}
