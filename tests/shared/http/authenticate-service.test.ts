import { expect, test } from "vitest";
import { createSecret } from "../../../shared/domain/secret.ts";
import { createAuthenticateService } from "../../../shared/http/authenticate-service.ts";
import { rejectionOf } from "../thrown-by.ts";
import { createTokenProject } from "./token-project.ts";

const first = "sb_secret_4nYf0vXJ2b8Qm1sWc7Rk9A_first";
const second = "sb_secret_Zt6LhP3eUq5Gd0xVn8Oy2B_second";
const authenticate = createAuthenticateService({
  url: "https://abc.supabase.co",
  secretKeys: { default: createSecret(first), images: createSecret(second) },
});

const request = (headers: Record<string, string>) => new Request("http://localhost/", { headers });

test.each([first, second])("any secret key of the project lets a service pass: %s", async (apikey) => {
  await authenticate(request({ apikey }));
  // supabase-js sends it twice.
  await authenticate(request({ apikey, authorization: `Bearer ${apikey}` }));
});

test.each<[what: string, headers: Record<string, string>]>([
  ["nothing", {}],
  ["an empty key", { apikey: "" }],
  ["the publishable key", { apikey: "sb_publishable_4nYf0vXJ2b8Qm1sWc7Rk9A_first" }],
  ["a key without its end", { apikey: first.slice(0, -1) }],
  ["a key with something behind it", { apikey: `${first}x` }],
  ["another letter", { apikey: first.replace("f", "F") }],
  ["both keys", { apikey: `${first}, ${second}` }],
  ["a key in the wrong header", { authorization: `Bearer ${first}` }],
  ["the name of a key", { apikey: "default" }],
])("%s does not, and is told which key is needed", async (_what, headers) => {
  const error = await rejectionOf(authenticate(request(headers)));
  expect([error.status, error.code]).toEqual([401, "unauthorized"]);
  expect(error.message).toBe(
    "Only services of the app may call this: send a secret key of the project in the header apikey.",
  );
});

test("a person's access token does not either, in whichever header", async () => {
  const token = await (await createTokenProject()).sign();
  for (const headers of [{ authorization: `Bearer ${token}` }, { apikey: token }])
    expect((await rejectionOf(authenticate(request(headers)))).code).toBe("unauthorized");
});

test("where no key is configured nobody passes", async () => {
  const closed = createAuthenticateService({ url: "https://abc.supabase.co", secretKeys: {} });
  for (const apikey of ["", "undefined", first])
    expect((await rejectionOf(closed(request({ apikey })))).code).toBe("unauthorized");
});
