// A chat through the stack of `supabase start`, whose functions run in a container: signs up, chats, chats on in a stream
// and finds both answers stored. Takes API_URL and PUBLISHABLE_KEY as `supabase status` names them. The provider is the
// simulator, which functions reach at OPENAI_BASE_URL=http://host.docker.internal:4010/openai/v1.
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { createClient } from "@supabase/supabase-js";
import { startSimulator } from "../../local/simulator/simulator.ts";

const simulatorPort = 4010;

const { API_URL: apiUrl, PUBLISHABLE_KEY: publishableKey } = process.env;
assert(
  apiUrl && publishableKey,
  "API_URL and PUBLISHABLE_KEY are not set: take them from `supabase status --output env`",
);

const simulator = await startSimulator({ port: 0 });
const relay = await relayToSimulator(Number(new URL(simulator.url).port));
try {
  await chatTwice(createClient(apiUrl, publishableKey));
  process.stdout.write("Signed up, chatted and found both answers stored.\n");
} finally {
  relay.stop();
  await simulator.stop();
}

async function chatTwice(client: ReturnType<typeof createClient>): Promise<void> {
  const email = `smoke-${crypto.randomUUID()}@example.com`;
  const { error: refusal } = await client.auth.signUp({ email, password: crypto.randomUUID() });
  assert.ifError(refusal);

  const answer = await client.functions.invoke("ai-chat", { body: { message: "Say hello." } });
  assert.ifError(answer.error);
  const { conversationId, content, costNano } = answer.data;
  assert(content.length > 0, "the answer is empty");
  assert(costNano > 0, "the answer cost nothing");

  const body = { message: "And again.", conversationId, stream: true };
  const stream = await client.functions.invoke("ai-chat", { body });
  assert.ifError(stream.error);
  assert.match(await stream.data.text(), /^event: done$/m);

  const stored = await client
    .from("messages")
    .select("role")
    .eq("conversation_id", conversationId)
    .order("position");
  assert.ifError(stored.error);
  assert.deepEqual(
    stored.data?.map(({ role }) => role),
    ["user", "assistant", "user", "assistant"],
  );
}

/** Passes connections from every address of this machine, which a container reaches, to the simulator, which takes only local ones. */
async function relayToSimulator(port: number): Promise<{ stop: () => void }> {
  const sockets = new Set<Socket>();
  const server = createServer((incoming) => {
    const outgoing = connect(port, "127.0.0.1");
    for (const socket of [incoming, outgoing]) {
      sockets.add(socket);
      socket.on("error", () => socket.destroy()).on("close", () => sockets.delete(socket));
    }
    incoming.pipe(outgoing).pipe(incoming);
  });
  server.listen(simulatorPort);
  await once(server, "listening");
  return {
    stop: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
