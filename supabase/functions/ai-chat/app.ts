import type { Conversations } from "../../../shared/database/conversations.ts";
import type { Gateway } from "../../../shared/gateway/gateway.ts";
import type { Authenticate } from "../../../shared/http/authenticate.ts";
import { type App, createApp } from "../../../shared/http/create-app.ts";
import type { WriteLog } from "../../../shared/http/request-log.ts";
import { addChatRoute } from "./chat-route.ts";
import { addConversationRoutes } from "./conversation-routes.ts";

interface AiChatOptions {
  authenticate: Authenticate;
  gateway: Gateway;
  conversations: Conversations;
  allowedOrigins: string[];
  heartbeatMs: number;
  /** Milliseconds of a monotonic clock. */
  now(): number;
  randomId(): string;
  writeLog: WriteLog;
}

/** The function `ai-chat`: chats, and the conversations they leave behind. */
export function createAiChat(options: AiChatOptions): App {
  const app = createApp({ name: "ai-chat", ...options });
  addChatRoute(app, options);
  addConversationRoutes(app, options.conversations, options.authenticate);
  return app;
}
