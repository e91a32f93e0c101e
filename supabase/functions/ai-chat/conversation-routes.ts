import { z } from "zod";
import type { Conversations } from "../../../shared/database/conversations.ts";
import type { Page } from "../../../shared/database/cursor.ts";
import { storableText } from "../../../shared/domain/chat-message.ts";
import { parseFields } from "../../../shared/domain/parse-fields.ts";
import { readId } from "../../../shared/domain/read-id.ts";
import type { CallerAuthentication } from "../../../shared/http/authenticate-caller.ts";
import { type App, refuseOtherMethods } from "../../../shared/http/create-app.ts";
import { readJson } from "../../../shared/http/read-json.ts";

const pageSchema = z.strictObject({
  limit: z.coerce.number().int().min(1).max(100).default(20),
  cursor: z.string().min(1).max(200).optional(),
});
const renameSchema = z.strictObject({ title: storableText.trim().min(1).max(200) });

/** Adds the routes by which people list, read, rename and delete their conversations. */
export function addConversationRoutes(
  app: App,
  conversations: Conversations,
  callers: CallerAuthentication,
): void {
  app.get("/conversations", async (context) => {
    const { userId } = await callers.authenticate(context.req.raw, "chat");
    return context.json(await conversations.list(userId, readPage(context.req.query())));
  });

  app.get("/conversations/:id", async (context) => {
    const { userId } = await callers.authenticate(context.req.raw, "chat");
    return context.json(
      await conversations.read(
        userId,
        readId(context.req.param("id"), "conversation_not_found"),
        readPage(context.req.query()),
      ),
    );
  });

  app.patch("/conversations/:id", async (context) => {
    const { userId } = await callers.authenticate(context.req.raw, "chat");
    const { title } = parseFields(renameSchema, await readJson(context.req.raw));
    return context.json({
      conversation: await conversations.rename(
        userId,
        readId(context.req.param("id"), "conversation_not_found"),
        title,
      ),
    });
  });

  app.delete("/conversations/:id", async (context) => {
    const { userId } = await callers.authenticate(context.req.raw, "chat");
    await conversations.remove(userId, readId(context.req.param("id"), "conversation_not_found"));
    return context.body(null, 204);
  });

  refuseOtherMethods(app, "/conversations", ["GET"]);
  refuseOtherMethods(app, "/conversations/:id", ["GET", "PATCH", "DELETE"]);
}

function readPage(query: Record<string, string>): Page {
  const { limit, cursor } = parseFields(pageSchema, query);
  return { limit, cursor };
}
