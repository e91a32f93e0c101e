import { describe, expect, test } from "vitest";
import { readPlatformSettings } from "../../../shared/http/platform-settings.ts";

const given = {
  SUPABASE_URL: "https://abc.supabase.co",
  SUPABASE_SECRET_KEYS: '{"default":"sb_secret_Canary","other":"sb_secret_other"}',
  SUPABASE_JWKS: '{"keys":[{"kid":"k1","kty":"EC"}]}',
  ALLOWED_ORIGINS: "https://app.example.com, https://admin.example.com",
};

/** Reads the settings of an environment that differs from a complete one in what is named. */
const read = (changed: Record<string, string | undefined> = {}) => {
  const environment: Record<string, string | undefined> = { ...given, ...changed };
  return readPlatformSettings((name) => environment[name]);
};

test("the settings of a deployment are read", () => {
  const { secretKey, secretKeys, ...settings } = read();
  expect(settings).toEqual({
    url: "https://abc.supabase.co",
    jwks: { keys: [{ kid: "k1", kty: "EC" }] },
    jwksUrl: new URL("https://abc.supabase.co/auth/v1/.well-known/jwks.json"),
    issuer: "https://abc.supabase.co/auth/v1",
    allowedOrigins: ["https://app.example.com", "https://admin.example.com"],
  });
  expect(secretKey.reveal()).toBe("sb_secret_Canary");
  expect(Object.entries(secretKeys).map(([name, key]) => [name, key.reveal()])).toEqual([
    ["default", "sb_secret_Canary"],
    ["other", "sb_secret_other"],
  ]);
  expect(JSON.stringify([secretKey, secretKeys])).not.toContain("sb_secret");
});

describe("what is optional:", () => {
  test("an address with a slash at its end is the same address", () => {
    expect(read({ SUPABASE_URL: "https://abc.supabase.co/" })).toMatchObject({
      url: "https://abc.supabase.co",
      issuer: "https://abc.supabase.co/auth/v1",
    });
  });

  test("the key of older deployments does where there are no named ones", () => {
    const settings = read({ SUPABASE_SECRET_KEYS: undefined, SUPABASE_SECRET_KEY: "sb_secret_single" });
    expect(settings.secretKey.reveal()).toBe("sb_secret_single");
    expect(settings.secretKeys).toEqual({ default: settings.secretKey });
  });

  test("a key set may be the bare list of its keys, or absent", () => {
    expect(read({ SUPABASE_JWKS: '[{"kid":"k1"}]' }).jwks).toEqual({ keys: [{ kid: "k1" }] });
    expect(read({ SUPABASE_JWKS: undefined }).jwks).toBeNull();
    expect(read({ SUPABASE_JWKS: "" }).jwks).toBeNull();
  });

  test("tokens are issued under the public address where it differs, keys are looked up inside", () => {
    const settings = read({
      SUPABASE_URL: "http://kong:8000",
      SUPABASE_PUBLIC_URL: "https://api.example.com/",
    });
    expect(settings.issuer).toBe("https://api.example.com/auth/v1");
    expect(settings.jwksUrl.href).toBe("http://kong:8000/auth/v1/.well-known/jwks.json");
  });

  test("an issuer of its own wins", () => {
    expect(read({ JWT_ISSUER: "https://issuer.example.com" }).issuer).toBe("https://issuer.example.com");
  });

  test.each([
    [undefined, []],
    ["", []],
    ["*", ["*"]],
    ["https://a.example.com\nhttps://b.example.com,", ["https://a.example.com", "https://b.example.com"]],
  ])("origins %j", (ALLOWED_ORIGINS, origins) => {
    expect(read({ ALLOWED_ORIGINS }).allowedOrigins).toEqual(origins);
  });
});

test.each([
  ["SUPABASE_URL", undefined],
  ["SUPABASE_URL", ""],
  ["SUPABASE_URL", "abc.supabase.co"],
  ["SUPABASE_URL", "localhost:54321"],
  ["SUPABASE_URL", "ftp://abc.supabase.co"],
  ["SUPABASE_SECRET_KEYS", undefined],
  ["SUPABASE_SECRET_KEYS", ""],
  ["SUPABASE_SECRET_KEYS", "sb_secret_Canary"],
  ["SUPABASE_SECRET_KEYS", "[]"],
  ["SUPABASE_SECRET_KEYS", "{}"],
  ["SUPABASE_SECRET_KEYS", '{"other":"sb_secret_Canary"}'],
  ["SUPABASE_SECRET_KEYS", '{"default":""}'],
  ["SUPABASE_SECRET_KEYS", '{"default":7}'],
  ["SUPABASE_JWKS", "sb_secret_Canary"],
  ["SUPABASE_JWKS", "{}"],
  ["SUPABASE_JWKS", '{"keys":"Canary"}'],
])("%s as %j is refused by its name, without a word of what it holds", (name, value) => {
  const attempt = () => read({ [name]: value });
  expect(attempt).toThrow(new RegExp(`^${name} .*\\.$`));
  expect(attempt).not.toThrow(/Canary/);
});
