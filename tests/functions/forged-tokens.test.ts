import { join } from "node:path";
import { beforeAll, describe, expect, inject, test } from "vitest";
import { loadKeys } from "../../local/keys.ts";
import { projectRoot } from "../../local/project.ts";
import { errorTable } from "../../shared/domain/error-table.ts";
import { createApiKey } from "../../shared/keys/api-key.ts";
import { forgeries } from "../support/forgeries/all.ts";
import { createForge, type Forge } from "../support/forgeries/forge.ts";
import { signUp } from "../support/people.ts";

const { apiUrl, publishableKey, secretKey } = inject("stack");
let forge: Forge;

beforeAll(async () => {
  const { signingKey } = await loadKeys(join(projectRoot, ".local", "test"));
  forge = createForge({ signingKey, issuer: `${apiUrl}/auth/v1`, userId: (await signUp()).userId });
});

interface Shown {
  headers?: Record<string, string>;
  query?: string;
}

type Door = readonly [method: string, path: string];

/** All of an answer but what is told of this one request. */
async function call([method, path]: Door, { headers = {}, query = "" }: Shown) {
  const response = await fetch(`${apiUrl}/functions/v1/${path}${query}`, {
    method,
    headers: { "content-type": "application/json", ...headers },
    ...(method === "GET" ? {} : { body: JSON.stringify(bodies[path] ?? {}) }),
  });
  const ofOne = ["x-request-id", "date", "server-timing"];
  const told = [...response.headers].filter(([name]) => !ofOne.includes(name));
  return { status: response.status, headers: Object.fromEntries(told), body: await response.text() };
}

/** Where people and API keys of theirs may call. */
const openToKeys: Door[] = [
  ["POST", "ai-chat"],
  ["GET", "ai-chat/conversations"],
  ["POST", "ai-chat/v1/chat/completions"],
  ["GET", "ai-chat/v1/models"],
  ["GET", "models"],
  ["GET", "account/usage"],
];
/** Where people alone may call, or only some of them. */
const closedToKeys: Door[] = [
  ["GET", "account/preferences"],
  ["GET", "byok-keys"],
  ["GET", "admin/audit"],
  ["POST", "sync-models"],
];
/** Of those that ask the database whose key it is with all else, and so have read the body before. */
const bodies: Record<string, object> = {
  "ai-chat": { message: "Hello" },
  "ai-chat/v1/chat/completions": { model: "test", messages: [{ role: "user", content: "Hello" }] },
  // Not to begin: its answer is to somebody who may.
  "sync-models": { source: "nowhere" },
};
const doors = [...openToKeys, ...closedToKeys];

const refusal = JSON.stringify({
  error: {
    message: errorTable.unauthorized.message,
    ...{ type: "authentication_error", param: null, code: "unauthorized" },
  },
});

/** Which of these are not answered as somebody is who shows nothing. */
async function findTold(door: Door, shown: [what: string, Shown][]): Promise<string[]> {
  const nothing = await call(door, {});
  expect([nothing.status, nothing.body]).toEqual([401, refusal]);
  const told: string[] = [];
  for (const [what, each] of shown) {
    const answer = await call(door, each);
    if (JSON.stringify(answer) !== JSON.stringify(nothing))
      told.push(`${what}: ${answer.status} ${answer.body}`);
  }
  return told;
}

describe.each(doors)("at the door %s %s", (...door) => {
  test("what the forger changes is a token that is accepted", async () => {
    const good = await call(door, { headers: { authorization: `Bearer ${forge.token()}` } });
    expect(good.status).not.toBe(401);
    const claims = { app_metadata: { role: "admin" } };
    const administrator = { authorization: `Bearer ${forge.token(claims)}` };
    expect((await call(door, { headers: administrator })).body).not.toContain("permission_error");
  });

  test("every forged token is refused with the very same answer, which is that to nobody", async () => {
    const shown = forgeries.map(([what, show]): [string, Shown] => [
      what,
      { headers: { authorization: show(forge) } },
    ]);
    expect(await findTold(door, shown)).toEqual([]);
  }, 60_000);

  test("a good token in another place, and what is none, are refused with the very same answer", async () => {
    const good = forge.token();
    const shown: [string, Shown][] = [
      ["an empty header", { headers: { authorization: "" } }],
      ["no more than the scheme", { headers: { authorization: "Bearer" } }],
      ["the publishable key", { headers: { authorization: `Bearer ${publishableKey}` } }],
      ["the secret key", { headers: { authorization: `Bearer ${secretKey}` } }],
      ["the publishable key in its place", { headers: { apikey: publishableKey } }],
      ["the secret key in its place", { headers: { apikey: secretKey } }],
      ["a token in the place of a key", { headers: { apikey: good } }],
      ["a token in another header", { headers: { "x-authorization": `Bearer ${good}` } }],
      ["a token of a proxy", { headers: { "proxy-authorization": `Bearer ${good}` } }],
      [
        "a token in a cookie",
        { headers: { cookie: `sb-access-token=${good}; authorization=Bearer ${good}` } },
      ],
      [
        "a token in the address",
        { query: `?access_token=${good}&token=${good}&authorization=Bearer%20${good}` },
      ],
      ["a key in the address", { query: `?apikey=${secretKey}` }],
      ["the id of a person", { headers: { "x-user-id": forge.userId, "x-forwarded-user": forge.userId } }],
      ["a trusted address", { headers: { "x-forwarded-for": "127.0.0.1", "x-real-ip": "127.0.0.1" } }],
      ["a role", { headers: { "x-role": "admin", "x-supabase-role": "service_role" } }],
    ];
    expect(await findTold(door, shown)).toEqual([]);
  });
});

describe("what looks like an API key and is none", () => {
  async function makeLookalikes(): Promise<string[]> {
    const key = (await createApiKey()).key.reveal();
    const other = key.at(-1) === "0" ? "1" : "0";
    return [
      ...[key, key.slice(0, -1) + other, key.slice(0, -6), `${key}0`, key.toUpperCase()],
      ...["slc_live_", "slc_test_0", `slc_live_${"0".repeat(49)}`, `slc_live_${"é".repeat(49)}`],
      ...["slc_live_' or 1=1 --", `slc_${forge.token()}`, `SLC_LIVE_${key.slice(9)}`],
    ];
  }

  test.each(openToKeys)("is a 401 at %s %s, and no answer says what is wrong with it", async (...door) => {
    const shown = (await makeLookalikes()).map((key): [string, Shown] => [
      key,
      { headers: { authorization: `Bearer ${key}` } },
    ]);
    expect(await findTold(door, shown)).toEqual([]);
  });

  test.each(closedToKeys)("is not looked at where keys are not accepted: %s %s", async (...door) => {
    const bodies = new Set<string>();
    for (const key of await makeLookalikes())
      bodies.add((await call(door, { headers: { authorization: `Bearer ${key}` } })).body);
    expect([...bodies]).toEqual([expect.stringContaining('"api_key_not_accepted"'), refusal]);
  });
});
