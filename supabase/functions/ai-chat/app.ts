import type { ModelLists } from "../../../shared/catalogue/model-list.ts";
import type { Conversations } from "../../../shared/database/conversations.ts";
import type { Replies } from "../../../shared/database/replies.ts";
import type { Gateway } from "../../../shared/gateway/gateway.ts";
import type { TimeLimits } from "../../../shared/gateway/watch.ts";
import type { CallerAuthentication } from "../../../shared/http/authenticate-caller.ts";
import { type App, createApp, type FrameOptions } from "../../../shared/http/create-app.ts";
import { addChatRoute } from "./chat-route.ts";
import { addConversationRoutes } from "./conversation-routes.ts";
import { addRequestRoutes } from "./request-routes.ts";
import { addV1Routes } from "./v1-routes.ts";

interface AiChatOptions extends FrameOptions {
  callers: CallerAuthentication;
  gateway: Gateway;
  conversations: Conversations;
  replies: Replies;
  modelLists: ModelLists;
  limits: TimeLimits;
  heartbeatMs: number;
}

/** The function `ai-chat`: chats in our shape and in OpenAI's, the conversations they leave behind, and replies to come back for. */
export function createAiChat(options: AiChatOptions): App {
  const app = createApp("ai-chat", options);
  addChatRoute(app, options);
  addConversationRoutes(app, options.conversations, options.callers);
  addRequestRoutes(app, { ...options, deadlineMs: options.limits.deadlineMs });
  addV1Routes(app, options);
  return app;
}
