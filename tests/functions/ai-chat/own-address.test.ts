import { randomUUID } from "node:crypto";
import { expect, inject, test } from "vitest";
import { functionEnvironment } from "../../../local/function-environment.ts";
import { composeAiChat } from "../../../supabase/functions/ai-chat/compose.ts";
import { connectDatabase } from "../../support/connect-database.ts";
import { setByok } from "../../support/own-keys.ts";
import { type Caller, signUpCaller } from "../../support/people.ts";
import { watchProvider } from "../../support/provider-calls.ts";
import { makeKeyRing } from "../../support/secrets.ts";
import { simulateProviders } from "../../support/simulated-providers.ts";
import { storeOwnKey } from "../../support/store-own-key.ts";

const sql = connectDatabase();
const provider = watchProvider();
const roots = makeKeyRing();
const baseUrl = "https://llm.example.com/v1";

/** ai-chat in this process, for which one public host is the simulator. */
async function start(addresses: string[][], settings: Record<string, string> = { BYOK_BASE_URLS: "public" }) {
  const stack = inject("stack");
  const keySet = await (await fetch(`${stack.apiUrl}/auth/v1/.well-known/jwks.json`)).json();
  const environment = functionEnvironment(stack, keySet, {
    ...simulateProviders(),
    BYOK_KEYS: roots,
    ...settings,
  });
  const sent: string[] = [];
  const lookedUp: string[] = [];
  const { app } = composeAiChat({
    setting: (name) => environment[name],
    fetch: (input, init) => {
      const url = new URL(input instanceof Request ? input.url : input);
      if (url.hostname !== "llm.example.com") return fetch(input, init);
      sent.push(url.href);
      return fetch(`${stack.simulatorUrl}/openai${url.pathname}`, init);
    },
    async resolveHost(name) {
      lookedUp.push(name);
      return (addresses.length > 1 ? addresses.shift() : addresses[0]) as string[];
    },
    epochMs: Date.now,
    now: () => performance.now(),
    newId: randomUUID,
    random: Math.random,
    keepAlive() {},
    writeLog() {},
  });

  async function ask({ token }: Caller) {
    const message = randomUUID();
    const response = await app.request("/ai-chat", {
      method: "POST",
      headers: { authorization: `Bearer ${token}` },
      body: JSON.stringify({ message, options: { maxTokens: 5 } }),
    });
    const body = (await response.json()) as {
      credential?: string;
      provider?: string;
      error?: { code: string };
    };
    const keys = (await provider.findCalls(message)).map(({ key }) => key);
    return { status: response.status, ...body, keys };
  }
  return { ask, sent, lookedUp };
}

async function signUpByok(): Promise<Caller> {
  const caller = await signUpCaller(sql);
  await setByok(sql, caller, "required");
  return caller;
}

test("a key that was saved with an address of its owner's is sent there, and the name is looked up before each call", async () => {
  const { ask, sent, lookedUp } = await start([["93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946"]]);
  const caller = await signUpByok();
  const { lastFour } = await storeOwnKey(sql, { roots, userId: caller.userId, baseUrl });
  for (const _time of [1, 2])
    expect(await ask(caller)).toMatchObject({
      status: 200,
      credential: "byok",
      provider: "openai",
      keys: [lastFour],
    });
  expect(sent).toEqual(Array(2).fill(`${baseUrl}/chat/completions`));
  expect(lookedUp).toEqual(Array(2).fill("llm.example.com"));
});

test.each([
  ["a private address", [["10.0.0.7"]], 0],
  ["the metadata of a cloud", [["169.254.169.254"]], 0],
  ["a public and a private address", [["93.184.216.34", "fd00::1"]], 0],
  ["nothing", [[]], 0],
  ["a private address since the last call", [["93.184.216.34"], ["127.0.0.1"]], 1],
])(
  "a name that leads to %s is not called, once and no more, and its owner is told",
  async (_where, addresses, calls) => {
    const { ask, sent, lookedUp } = await start(addresses);
    const caller = await signUpByok();
    await storeOwnKey(sql, { roots, userId: caller.userId, baseUrl });
    for (let call = 0; call < calls; call++) expect((await ask(caller)).status).toBe(200);
    const { status, error, keys } = await ask(caller);
    expect([status, error?.code, keys]).toEqual([403, "own_key_not_permitted", []]);
    expect([sent.length, lookedUp.length]).toEqual([calls, calls + 1]);
  },
);

test("where the operator does not allow such addresses any more, the key is sent nowhere", async () => {
  const { ask, sent, lookedUp } = await start([["93.184.216.34"]], {});
  const caller = await signUpByok();
  await storeOwnKey(sql, { roots, userId: caller.userId, baseUrl });
  expect(await ask(caller)).toMatchObject({ status: 503, error: { code: "own_key_unavailable" }, keys: [] });
  expect([sent, lookedUp]).toEqual([[], []]);
});

test("whoever can change the row cannot have the key sent elsewhere: it does not open then", async () => {
  const { ask, sent } = await start([["93.184.216.34"]]);
  const caller = await signUpByok();
  const { id } = await storeOwnKey(sql, { roots, userId: caller.userId });
  await sql`update private.byok_keys set base_url = ${baseUrl} where id = ${id}`;
  expect(await ask(caller)).toMatchObject({ status: 503, keys: [] });
  expect(sent).toEqual([]);
});
