import { z } from "zod";
import { storableText } from "../../../shared/domain/chat-message.ts";
import { parseFields } from "../../../shared/domain/parse-fields.ts";
import type { Authenticate } from "../../../shared/http/authenticate.ts";
import type { CallerAuthentication } from "../../../shared/http/authenticate-caller.ts";
import { type App, refuseOtherMethods } from "../../../shared/http/create-app.ts";
import { readJson } from "../../../shared/http/read-json.ts";
import type { Accounts } from "../../../shared/metering/accounts.ts";

interface LimitRoutesOptions {
  accounts: Accounts;
  authenticate: Authenticate;
  callers: CallerAuthentication;
}

const noneSchema = z.strictObject({});
const changeSchema = z.strictObject({ timeZone: storableText.min(1).max(64) });

/** Adds the routes by which people learn their limits and their balance, and say in which zone they live. */
export function addLimitRoutes(app: App, { accounts, authenticate, callers }: LimitRoutesOptions): void {
  app.get("/limits", async (context) => {
    const { userId } = await callers.authenticate(context.req.raw, "usage");
    context.get("log").note({ userId });
    parseFields(noneSchema, context.req.query());
    return context.json(await accounts.readLimits(userId));
  });

  app.get("/balance", async (context) => {
    const { userId } = await callers.authenticate(context.req.raw, "usage");
    context.get("log").note({ userId });
    parseFields(noneSchema, context.req.query());
    return context.json(await accounts.readBalance(userId));
  });

  app.patch("/", async (context) => {
    const { userId } = await authenticate(context.req.raw);
    context.get("log").note({ userId });
    const { timeZone } = parseFields(changeSchema, await readJson(context.req.raw));
    return context.json(await accounts.setTimeZone(userId, timeZone));
  });

  refuseOtherMethods(app, "/limits", ["GET"]);
  refuseOtherMethods(app, "/balance", ["GET"]);
  refuseOtherMethods(app, "/", ["PATCH"]);
}
