import { createConversations } from "../../../shared/database/conversations.ts";
import { createDatabase } from "../../../shared/database/database.ts";
import { createGateway } from "../../../shared/gateway/gateway.ts";
import { createAuthenticate } from "../../../shared/http/authenticate.ts";
import { readPlatformSettings } from "../../../shared/http/platform-settings.ts";
import { createMetering } from "../../../shared/metering/metering.ts";
import { createProviderRegistry } from "../../../shared/providers/registry.ts";
import { createAiChat } from "./app.ts";
import { readChatSettings } from "./settings.ts";

// Only the deployed runtime has it; it takes native promises only.
const { EdgeRuntime } = globalThis as { EdgeRuntime?: { waitUntil(work: Promise<unknown>): void } };
const setting = (name: string) => Deno.env.get(name);
const platform = readPlatformSettings(setting);
const chats = readChatSettings(setting);
const shared = { randomId: () => crypto.randomUUID(), now: () => performance.now(), writeLog: console.log };
const database = createDatabase({ ...platform, fetch });
const gateway = createGateway({
  metering: createMetering(database),
  providers: createProviderRegistry(setting, fetch),
  limits: chats.limits,
  randomId: shared.randomId,
  now: Date.now, // On Deno 2.1 a twentieth of what performance.now costs.
  keepAlive: (work) => EdgeRuntime?.waitUntil(work),
});
const authenticate = createAuthenticate(platform, Date.now);
const conversations = createConversations(database);

addEventListener("beforeunload", () => gateway.endAll());
export default createAiChat({ ...shared, ...platform, ...chats, authenticate, gateway, conversations });
