import type { ModelLists } from "../../../shared/catalogue/model-list.ts";
import { toSluiceError } from "../../../shared/domain/errors.ts";
import type { Gateway } from "../../../shared/gateway/gateway.ts";
import type { CallerAuthentication } from "../../../shared/http/authenticate-caller.ts";
import type { App } from "../../../shared/http/create-app.ts";
import { chatCompletionFormat } from "../../../shared/http/openai/chat-completion.ts";
import { parseChatParams } from "../../../shared/http/openai/chat-params.ts";
import { parseCompletionParams } from "../../../shared/http/openai/completion-params.ts";
import { textCompletionFormat } from "../../../shared/http/openai/text-completion.ts";
import type { WriteLog } from "../../../shared/http/request-log.ts";
import { addV1AnswerRoute } from "./v1-answer-route.ts";
import { addV1EmbeddingsRoute } from "./v1-embeddings-route.ts";
import { addV1ModelRoutes } from "./v1-model-routes.ts";

export interface V1Options {
  gateway: Gateway;
  modelLists: ModelLists;
  callers: CallerAuthentication;
  heartbeatMs: number;
  /** Milliseconds since the epoch. */
  epochMs(): number;
  writeLog: WriteLog;
}

/** Adds what OpenAI's clients call: `ai-chat/v1` is their base URL, and an access token their key. */
export function addV1Routes(app: App, options: V1Options): void {
  // These clients repeat by themselves what failed with 5xx, and the first try may have been paid for.
  app.use("/v1/*", async (context, next) => {
    await next();
    if (context.error !== undefined && isPaid(context.error)) context.header("x-should-retry", "false");
  });
  addV1AnswerRoute(app, "/v1/chat/completions", {
    ...options,
    parse: parseChatParams,
    format: chatCompletionFormat,
  });
  addV1AnswerRoute(app, "/v1/completions", {
    ...options,
    parse: parseCompletionParams,
    format: textCompletionFormat,
  });
  addV1EmbeddingsRoute(app, options);
  addV1ModelRoutes(app, options);
}

function isPaid(thrown: Error): boolean {
  const { code, costNano } = toSluiceError(thrown).toBody().error;
  return code === "settlement_pending" || costNano !== undefined;
}
