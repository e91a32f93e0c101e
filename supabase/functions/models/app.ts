import { createHash } from "node:crypto";
import type { Context } from "hono";
import { z } from "zod";
import type { ListedModel } from "../../../shared/catalogue/listed-model.ts";
import { type ModelLists, onlyModel } from "../../../shared/catalogue/model-list.ts";
import { storableText } from "../../../shared/domain/chat-message.ts";
import { readModelId } from "../../../shared/domain/model-id.ts";
import { parseFields } from "../../../shared/domain/parse-fields.ts";
import type { CallerAuthentication } from "../../../shared/http/authenticate-caller.ts";
import {
  type App,
  type AppEnv,
  createApp,
  type FrameOptions,
  refuseOtherMethods,
} from "../../../shared/http/create-app.ts";

interface ModelsOptions extends FrameOptions {
  modelLists: ModelLists;
  callers: CallerAuthentication;
  /** Whether those who are not signed in see the models of the default plan. */
  isForVisitors: boolean;
}

const flag = z.enum(["true", "false"]).transform((text) => text === "true");
const word = storableText.min(1).max(200);

const listSchema = z.strictObject({
  category: word.optional(),
  provider: word.optional(),
  modality: word.optional(),
  search: word.optional(),
  free: flag.optional(),
  enhanced: flag.optional(),
  legacy: flag.default(false),
});
const noneSchema = z.strictObject({});

/** The function `models`: which models a caller's plan may use. */
export function createModels(options: ModelsOptions): App {
  const { modelLists } = options;
  const app = createApp("models", options);
  // Ids have slashes, which some clients send as they are.
  const onePath = "/:id{.+}";

  app.get("/", async (context) => {
    const userId = await readCaller(context, options);
    const { legacy, ...query } = parseFields(listSchema, context.req.query());
    const { version, changedAt, defaultModel, unavailableDefaultModel, read } = await modelLists.open(
      userId,
      query,
    );
    context.header("x-models-mode", legacy ? "legacy" : query.enhanced ? "enhanced" : "standard");
    context.header("x-models-time", changedAt);
    return respond(context, { userId, version: `${legacy} ${version}` }, async () => {
      const { models, modelsJson, recommendedModels } = await read();
      context.header("x-models-count", String(models.length));
      if (legacy) return JSON.stringify(models.map(({ id }) => id));
      const rest = JSON.stringify({ defaultModel, unavailableDefaultModel, recommendedModels });
      return `{"success":true,"models":${modelsJson},${rest.slice(1)}`;
    });
  });

  app.get("/providers", async (context) => {
    const userId = await readCaller(context, options);
    parseFields(noneSchema, context.req.query());
    const { version, read } = await modelLists.open(userId, {});
    return respond(context, { userId, version: `providers ${version}` }, async () =>
      JSON.stringify({ success: true, providers: countByProvider((await read()).models) }),
    );
  });

  app.get(onePath, async (context) => {
    const userId = await readCaller(context, options);
    parseFields(noneSchema, context.req.query());
    const { version, read } = await modelLists.open(userId, {
      id: readModelId(context.req.param("id")),
      enhanced: true,
    });
    return respond(context, { userId, version }, async () =>
      JSON.stringify({ success: true, model: onlyModel((await read()).models) }),
    );
  });

  refuseOtherMethods(app, "/", ["GET"]);
  refuseOtherMethods(app, "/providers", ["GET"]);
  refuseOtherMethods(app, onePath, ["GET"]);
  return app;
}

function countByProvider(models: ListedModel[]): { id: string; models: number }[] {
  const counts = new Map<string, number>();
  for (const id of models.flatMap(({ providers }) => providers)) counts.set(id, (counts.get(id) ?? 0) + 1);
  return [...counts].map(([id, count]) => ({ id, models: count })).toSorted((a, b) => (a.id < b.id ? -1 : 1));
}

/** Who asks; null for a visitor, who shows nothing, or the key that every visitor of the app has. */
async function readCaller(
  context: Context<AppEnv>,
  { callers, isForVisitors }: ModelsOptions,
): Promise<string | null> {
  const authorization = context.req.header("authorization") ?? "";
  if (isForVisitors && (authorization === "" || /^Bearer sb_publishable_/i.test(authorization))) return null;
  const { userId } = await callers.authenticate(context.req.raw, "models");
  context.get("log").note({ userId });
  return userId;
}

/** How long an app need not ask again. */
const maxAgeSeconds = 60;

/** Sends JSON, or that the client has it already: then it is not even made. */
async function respond(
  context: Context<AppEnv>,
  { userId, version }: { userId: string | null; version: string },
  write: () => Promise<string>,
): Promise<Response> {
  const etag = `W/"${createHash("sha256").update(version).digest("base64url").slice(0, 27)}"`;
  const body = isAtHand(etag, context.req.header("if-none-match")) ? null : await write();
  // Not before: a refusal is not to be kept.
  context.header("etag", etag);
  context.header("cache-control", `${userId === null ? "public" : "private"}, max-age=${maxAgeSeconds}`);
  context.header("vary", "Authorization", { append: true });
  return body === null
    ? context.body(null, 304)
    : context.body(body, 200, { "content-type": "application/json" });
}

/** Whether a client says that it has this version (RFC 9110, section 13.1.2: by weak comparison). */
function isAtHand(etag: string, ifNoneMatch: string | undefined): boolean {
  const opaque = (tag: string) => tag.trim().replace(/^W\//, "");
  return ifNoneMatch?.split(",").some((tag) => opaque(tag) === opaque(etag)) ?? false;
}
