import { type App, refuseOtherMethods } from "../../../shared/http/create-app.ts";
import { refuseKey } from "../../../shared/http/idempotency.ts";
import { writeEmbeddings } from "../../../shared/http/openai/embedding-list.ts";
import { parseEmbeddingParams } from "../../../shared/http/openai/embedding-params.ts";
import { rateLimitHeaders } from "../../../shared/http/rate-limit-headers.ts";
import { readJson } from "../../../shared/http/read-json.ts";
import { servedByHeaders } from "../../../shared/http/served-by-headers.ts";
import { observeRequest } from "./observe-request.ts";
import type { V1Options } from "./v1-routes.ts";

/** Adds `POST v1/embeddings`. */
export function addV1EmbeddingsRoute(app: App, { gateway, callers, epochMs, writeLog }: V1Options): void {
  const path = "/v1/embeddings";

  app.post(path, async (context) => {
    const log = context.get("log");
    const caller = await callers.identify(context.req.raw);
    // Whose API key it is, is known with the hold.
    if (caller.apiKeyDigest === undefined) log.note({ userId: caller.userId });
    log.mark("auth");
    const { encoding, ...params } = await callers.readFor(caller, "chat", async () => {
      refuseKey(context.req.raw);
      return parseEmbeddingParams(await readJson(context.req.raw));
    });

    const observer = observeRequest(log, writeLog);
    const result = await gateway.embed({ id: log.requestId, caller, ...params, observer });
    return context.json(writeEmbeddings(result, encoding), 200, {
      ...servedByHeaders(result),
      ...rateLimitHeaders(result.allowance, epochMs()),
      "server-timing": log.serverTiming(),
    });
  });

  refuseOtherMethods(app, path, ["POST"]);
}
