import type { Route } from "./route.ts";
import * as things from "./things.ts";

const message = { role: "user", content: "Hello" };

export const chatRoutes: Route[] = [
  { route: "POST /ai-chat", door: "chat", told: "200", prepare: () => ({ body: { message: "Hello" } }) },
  {
    route: "POST /ai-chat",
    what: "in a conversation",
    ...{ door: "chat", told: "200", toOthers: "404 conversation_not_found" },
    prepare: async (world) => ({
      body: { message: "Hello", conversationId: await things.makeConversation(world) },
    }),
  },
  { route: "GET /ai-chat/conversations", door: "chat", told: "200" },
  {
    route: "GET /ai-chat/conversations/:id",
    ...{ door: "chat", told: "200", toOthers: "404 conversation_not_found" },
    prepare: async (world) => ({ id: await things.makeConversation(world) }),
  },
  {
    route: "PATCH /ai-chat/conversations/:id",
    ...{ door: "chat", told: "200", toOthers: "404 conversation_not_found" },
    prepare: async (world) => ({ id: await things.makeConversation(world), body: { title: "Other" } }),
  },
  {
    route: "DELETE /ai-chat/conversations/:id",
    ...{ door: "chat", told: "204", toOthers: "404 conversation_not_found" },
    prepare: async (world) => ({ id: await things.makeConversation(world) }),
  },
  {
    route: "GET /ai-chat/requests/:id",
    ...{ door: "chat", told: "200", toOthers: "404 request_not_found" },
    prepare: ({ requestId }) => ({ id: requestId }),
  },
  {
    route: "POST /ai-chat/v1/chat/completions",
    ...{ door: "chat", told: "200" },
    prepare: ({ modelId }) => ({ body: { model: modelId, messages: [message] } }),
  },
  {
    route: "POST /ai-chat/v1/completions",
    ...{ door: "chat", told: "200" },
    prepare: ({ modelId }) => ({ body: { model: modelId, prompt: "Hello" } }),
  },
  {
    route: "POST /ai-chat/v1/embeddings",
    ...{ door: "chat", told: "200" },
    prepare: ({ embedderId }) => ({ body: { model: embedderId, input: "Hello" } }),
  },
];

export const modelRoutes: Route[] = [
  { route: "GET /ai-chat/v1/models", door: "models", told: "200" },
  {
    route: "GET /ai-chat/v1/models/:id{.+}",
    door: "models",
    told: "200",
    prepare: ({ modelId }) => ({ id: modelId }),
  },
  { route: "GET /models", door: "models", told: "200" },
  { route: "GET /models/providers", door: "models", told: "200" },
  { route: "GET /models/:id{.+}", door: "models", told: "200", prepare: ({ modelId }) => ({ id: modelId }) },
];
