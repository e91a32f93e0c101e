import { createModelLists } from "../../../shared/catalogue/model-list.ts";
import { createApiKeys } from "../../../shared/credentials/api-keys.ts";
import { readByokPolicy } from "../../../shared/credentials/byok-policy.ts";
import { rewrapWith } from "../../../shared/credentials/rewrap.ts";
import { createConversations } from "../../../shared/database/conversations.ts";
import { createDatabase } from "../../../shared/database/database.ts";
import { createReplies } from "../../../shared/database/replies.ts";
import { createGateway, type Gateway } from "../../../shared/gateway/gateway.ts";
import { createAuthenticate } from "../../../shared/http/authenticate.ts";
import { createCallerAuthentication } from "../../../shared/http/authenticate-caller.ts";
import type { App } from "../../../shared/http/create-app.ts";
import { readPlatformSettings } from "../../../shared/http/platform-settings.ts";
import type { Runtime } from "../../../shared/http/runtime.ts";
import { keyRingSetting, parseKeyRing } from "../../../shared/keys/key-ring.ts";
import { createSealedCredentials } from "../../../shared/keys/sealed-credentials.ts";
import { createMetering } from "../../../shared/metering/metering.ts";
import { createPublicFetch } from "../../../shared/providers/public-address.ts";
import { createProviderRegistry } from "../../../shared/providers/registry.ts";
import { createAiChat } from "./app.ts";
import { readChatSettings } from "./settings.ts";

interface ChatRuntime extends Runtime {
  /** All addresses of a host. */
  resolveHost(name: string): Promise<string[]>;
  /** From 0 up to 1. */
  random(): number;
  /** Has the runtime wait for work that goes on after the answer. */
  keepAlive(work: Promise<unknown>): void;
}

/**
 * Puts the function `ai-chat` together.
 * @throws Error naming the setting that is missing or wrong
 */
export function composeAiChat(runtime: ChatRuntime): { app: App; gateway: Gateway } {
  const { setting, fetch, epochMs } = runtime;
  const platform = readPlatformSettings(setting);
  const chats = readChatSettings(setting);
  const policy = readByokPolicy(setting);
  const ring = parseKeyRing(setting(keyRingSetting));
  const database = createDatabase({ ...platform, fetch });
  const replies = createReplies(database);
  const gateway = createGateway({
    ...runtime,
    // On Deno 2.1 it costs a twentieth of what the monotonic clock does.
    now: epochMs,
    metering: createMetering(database, policy.permission),
    replies,
    providers: createProviderRegistry({
      ...platform,
      setting,
      fetch,
      publicFetch: policy.allowsBaseUrls ? createPublicFetch(runtime) : null,
    }),
    openKey: createSealedCredentials(ring, rewrapWith({ ...runtime, database })).open,
    limits: chats.limits,
  });
  const app = createAiChat({
    ...runtime,
    ...platform,
    ...chats,
    gateway,
    replies,
    conversations: createConversations(database),
    modelLists: createModelLists(database),
    callers: createCallerAuthentication(createAuthenticate(platform, epochMs), createApiKeys(database)),
  });
  return { app, gateway };
}
