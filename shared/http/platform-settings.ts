import { z } from "zod";
import { createSecret, type Secret } from "../domain/secret.ts";

/** Reads a setting of the environment by its name. */
export type ReadSetting = (name: string) => string | undefined;

/** What every function is given: by Supabase, and by the operator. */
export interface PlatformSettings {
  url: string;
  /** The one that our own calls are made with. */
  secretKey: Secret;
  /** All of them by their names: other services of the app may have one each. */
  secretKeys: Record<string, Secret>;
  /** The key set that came with the deployment; null where none did. */
  jwks: { keys: Record<string, unknown>[] } | null;
  /** Where the project publishes its key set. */
  jwksUrl: URL;
  /** The `iss` of the project's tokens. */
  issuer: string;
  /** Origins whose pages may call; `*` for every origin. */
  allowedOrigins: string[];
}

const keysSchema = z.record(z.string(), z.string().min(1));
const jwksSchema = z.union([
  z.object({ keys: z.array(z.record(z.string(), z.unknown())) }),
  z.array(z.record(z.string(), z.unknown())).transform((keys) => ({ keys })),
]);

/**
 * Reads the platform's settings.
 * @throws Error naming the setting that is missing or wrong: a function must not start half configured
 */
export function readPlatformSettings(setting: ReadSetting): PlatformSettings {
  const url = (setting("SUPABASE_URL") ?? "").replace(/\/$/, "");
  if (!/^https?:\/\//.test(url) || !URL.canParse(url))
    throw new Error("SUPABASE_URL must be the project's URL, with https://.");

  const secretKeys = readSecretKeys(setting);
  const secretKey = secretKeys.default;
  if (secretKey === undefined) {
    throw new Error(
      'SUPABASE_SECRET_KEYS must be a JSON object with a "default" key, or SUPABASE_SECRET_KEY be set.',
    );
  }

  const authUrl = `${(setting("SUPABASE_PUBLIC_URL") || url).replace(/\/$/, "")}/auth/v1`;
  return {
    url,
    secretKey,
    secretKeys,
    jwks: parseSetting("SUPABASE_JWKS", setting, jwksSchema),
    jwksUrl: new URL(`${url}/auth/v1/.well-known/jwks.json`),
    issuer: setting("JWT_ISSUER") || authUrl,
    allowedOrigins: (setting("ALLOWED_ORIGINS") ?? "").split(/[\s,]+/).filter((origin) => origin !== ""),
  };
}

function readSecretKeys(setting: ReadSetting): Record<string, Secret> {
  const single = setting("SUPABASE_SECRET_KEY");
  const keys =
    parseSetting("SUPABASE_SECRET_KEYS", setting, keysSchema) ?? (single ? { default: single } : {});
  return Object.fromEntries(Object.entries(keys).map(([name, key]) => [name, createSecret(key)]));
}

function parseSetting<Schema extends z.ZodType>(
  name: string,
  setting: ReadSetting,
  schema: Schema,
): z.output<Schema> | null {
  const text = setting(name);
  if (!text) return null;
  try {
    return schema.parse(JSON.parse(text));
  } catch {
    throw new Error(`${name} is not the JSON that Supabase documents.`);
  }
}
