import { createEnvelopes } from "../shared/keys/envelope.ts";
import { parseFingerprint } from "../shared/keys/fingerprint.ts";
import { parseKeyRing } from "../shared/keys/key-ring.ts";
import { insertSealedKey } from "./insert-sealed-key.ts";
import { readSecret } from "./read-secret.ts";
import { noKeyRing } from "./ring-value.ts";

/** Asks for a key of a provider. Returns the SQL that stores it, sealed. */
export async function sealKey(
  provider: string,
  setting: string | undefined,
  fingerprintSetting: string | undefined,
): Promise<string> {
  // As private.model_routes has it.
  if (!/^[a-z][a-z0-9-]{0,39}$/.test(provider))
    throw new Error("Name the provider as routes do: a small letter, then up to 39 of a-z, 0-9 and -.");
  const ring = parseKeyRing(setting);
  if (ring === null) throw noKeyRing();
  const makeFingerprint = parseFingerprint(fingerprintSetting);
  const key = await readSecret(`Key of ${provider} (it is not shown): `);
  // It is sent in a header, which takes nothing else; a blank in a key is a slip in copying.
  if (!/^[\x21-\x7e]{1,1000}$/.test(key))
    throw new Error(
      "A key is 1 to 1000 letters, digits and signs of ASCII, without blanks or control characters.",
    );
  const id = crypto.randomUUID();
  const sealedKey = await createEnvelopes(ring).seal(key, { owner: "platform", provider, record: id });
  const fingerprint = makeFingerprint && (await makeFingerprint(provider, key));
  return insertSealedKey({ id, provider, sealedKey, fingerprint, key });
}
