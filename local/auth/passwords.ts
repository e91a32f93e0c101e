import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from "node:crypto";

const cost: ScryptOptions = { N: 16384, r: 8, p: 1 };
const hashBytes = 32;

/** Hashes a password with a salt of its own: `scrypt$<salt>$<hash>`, both base64url. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16);
  const hash = await derive(password, salt);
  return `scrypt$${salt.toString("base64url")}$${hash.toString("base64url")}`;
}

/** Whether `password` is the one that `stored` was made from. */
export async function matchesPassword(password: string, stored: string): Promise<boolean> {
  const [scheme, salt = "", hash = ""] = stored.split("$");
  if (scheme !== "scrypt") return false;
  const expected = Buffer.from(hash, "base64url");
  const actual = await derive(password, Buffer.from(salt, "base64url"));
  return expected.length === actual.length && timingSafeEqual(expected, actual);
}

function derive(password: string, salt: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(password, salt, hashBytes, cost, (error, key) => (error ? reject(error) : resolve(key)));
  });
}
