import { json } from "node:stream/consumers";
import { createDatabase } from "../../../shared/database/database.ts";
import { createSecret } from "../../../shared/domain/secret.ts";
import { type BeginRequest, createMetering, type SettleRequest } from "../../../shared/metering/metering.ts";
import { startServer } from "../start-server.ts";

/** An item as it goes over the wire. */
export type Item = Record<string, unknown> & { hold_id: string };

interface Answer {
  status?: number;
  body: unknown;
}

/** Metering in front of an HTTP server that answers begin and settle as the test says. Keeps the items of each call. */
export async function startMetering(answer: (items: Item[]) => Answer) {
  const calls: Item[][] = [];
  const metering = await startServing((body) => {
    const { items } = body as { items: Item[] };
    calls.push(items);
    return answer(items);
  });
  return { metering, calls };
}

/** Metering in front of an HTTP server that answers extend and reopen as the test says. Keeps what it was asked. */
export async function startExtending(answer: () => Answer) {
  const bodies: unknown[] = [];
  const metering = await startServing((body) => {
    bodies.push(body);
    return answer();
  });
  return { metering, bodies };
}

async function startServing(serve: (body: unknown) => Answer) {
  const url = await startServer(async (request, response) => {
    const { status = 200, body } = serve(await json(request));
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  });
  return createMetering(createDatabase({ url, secretKey: createSecret("sb_secret_test"), fetch }), null);
}

/** A request for a hold, but for what is given. */
export const beginRequest = (given: Partial<BeginRequest> = {}): BeginRequest => ({
  holdId: "hold-1",
  caller: { userId: "user-1" },
  model: undefined,
  provider: undefined,
  conversationId: "conversation-1",
  continues: false,
  firstText: "Hello",
  prompt: { bytes: 12, messages: 1, images: 0, overheadTokens: 0 },
  takesPreferences: false,
  takesSystemPrompt: false,
  outputModality: "text",
  needs: [],
  maxOutputTokens: undefined,
  idempotency: null,
  fallsBack: false,
  ...given,
});

/** What `begin_chats` answers for a hold that was placed. */
export const placed = (item: Item) => ({
  hold_id: item.hold_id,
  user_id: "user-1",
  model_id: "openai/gpt-4o-mini",
  routes: [placedRoute],
  keys: null,
  own_keys: null,
  may_fall_back: false,
  cooling_keys: null,
  outages: null,
  max_output_tokens: 256,
  supported_parameters: ["temperature"],
  first_token_ms: null,
  unavailable_default_model: null,
  temperature: null,
  system_prompt: null,
  limits: [],
  history: [{ role: "user", content: "Hello" }],
});

/** A route as `begin_chats` answers it. */
export const placedRoute = {
  id: 7,
  price_id: 3,
  provider: "openai",
  upstream_model: "gpt-4o-mini",
  rank: 0,
  weight: 1,
  context_tokens: 128_000,
};

/** A request to settle, but for what is given. */
export const settleRequest = (given: Partial<SettleRequest> = {}): SettleRequest => ({
  holdId: "hold-1",
  charges: [],
  messages: [],
  ...given,
});

/** What `settle_chats` answers. */
export const settled = (item: Item) => ({
  hold_id: item.hold_id,
  is_known: true,
  is_stored: true,
  usage: {
    input_tokens: 10,
    cache_read_tokens: 60,
    cache_write_tokens: 30,
    output_tokens: 40,
    reasoning_tokens: 25,
  },
  cost_nano: 1234,
  estimated: false,
  limits: [
    {
      scope: "all",
      scope_id: "",
      unit: "requests",
      window: "day",
      limit: 10,
      used: 7,
      held: 1,
      resets_at: "2026-11-21T00:00:00+00:00",
    },
  ],
});
