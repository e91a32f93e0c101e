import { z } from "zod";
import { parseFields } from "../../../shared/domain/parse-fields.ts";
import { readId } from "../../../shared/domain/read-id.ts";
import type { AuthenticateService } from "../../../shared/http/authenticate-service.ts";
import { type App, refuseOtherMethods } from "../../../shared/http/create-app.ts";
import { readIdempotent, replayHeader } from "../../../shared/http/idempotency.ts";
import { readJson } from "../../../shared/http/read-json.ts";
import type { ServiceHolds } from "../../../shared/metering/service-holds.ts";

interface HoldRoutesOptions {
  serviceHolds: ServiceHolds;
  authenticateService: AuthenticateService;
}

/** As in domain/usage.ts: beyond it a number is a fault. */
const tokenCount = z.int().min(0).max(1_000_000_000);
/** A million USD. */
const nano = z.int().min(0).max(1_000_000_000_000_000);

const holdSchema = z.strictObject({
  userId: z.uuid().toLowerCase(),
  service: z.string().regex(/^[a-z][a-z0-9-]{0,39}$/, "must be 1 to 40 of a-z, 0-9 and -, a letter first"),
  tokens: tokenCount.default(0),
  costNano: nano.default(0),
});

const settleSchema = z.strictObject({
  usage: z
    .strictObject({
      inputTokens: tokenCount.default(0),
      cacheReadTokens: tokenCount.default(0),
      cacheWriteTokens: tokenCount.default(0),
      outputTokens: tokenCount.default(0),
      reasoningTokens: tokenCount.default(0),
    })
    .refine(({ reasoningTokens, outputTokens }) => reasoningTokens <= outputTokens, {
      path: ["reasoningTokens"],
      error: "must be at most outputTokens, of which it is a part",
    })
    .prefault({}),
  costNano: nano,
});

/** Adds the routes by which other services of the app hold what they may need of somebody's limits, and settle or release it. */
export function addHoldRoutes(app: App, { serviceHolds, authenticateService }: HoldRoutesOptions): void {
  app.post("/holds", async (context) => {
    await authenticateService(context.req.raw);
    const log = context.get("log");
    const { json, idempotency } = await readIdempotent(context.req.raw);
    const request = parseFields(holdSchema, json);
    log.note({ userId: request.userId });
    const {
      isReplay,
      usage: _,
      costNano: __,
      ...hold
    } = await serviceHolds.place({
      ...request,
      holdId: log.requestId,
      idempotency,
    });
    return isReplay ? context.json(hold, 200, replayHeader) : context.json(hold, 201);
  });

  app.post("/holds/:id/settle", async (context) => {
    await authenticateService(context.req.raw);
    const id = readId(context.req.param("id"), "hold_not_found");
    return context.json(
      await serviceHolds.settle(id, parseFields(settleSchema, await readJson(context.req.raw))),
    );
  });

  app.delete("/holds/:id", async (context) => {
    await authenticateService(context.req.raw);
    return context.json(await serviceHolds.release(readId(context.req.param("id"), "hold_not_found")));
  });

  refuseOtherMethods(app, "/holds", ["POST"]);
  refuseOtherMethods(app, "/holds/:id", ["DELETE"]);
  refuseOtherMethods(app, "/holds/:id/settle", ["POST"]);
}
