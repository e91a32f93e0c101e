import { type Context, Hono } from "hono";
import { cors } from "hono/cors";
import { SluiceError, toSluiceError } from "../domain/errors.ts";
import { rateLimitHeaderNames, rateLimitHeaders } from "./rate-limit-headers.ts";
import { discardBody } from "./read-json.ts";
import { createRequestLog, type RequestLog, type WriteLog } from "./request-log.ts";
import { servedByHeaderNames } from "./served-by-headers.ts";

export interface AppEnv {
  Variables: { log: RequestLog };
}

export type App = Hono<AppEnv>;

/** What every function hands to its frame. */
export interface FrameOptions {
  /** Origins whose pages may call; `*` allows every origin. */
  allowedOrigins: string[];
  /** Milliseconds of a monotonic clock. */
  now(): number;
  /** Milliseconds since the epoch. */
  epochMs(): number;
  newId(): string;
  writeLog: WriteLog;
}

/** What the official `openai` client sends from a page. */
const openaiClientHeaders = [
  "openai-organization",
  "openai-project",
  "x-stainless-arch",
  "x-stainless-helper-method",
  "x-stainless-lang",
  "x-stainless-os",
  "x-stainless-package-version",
  "x-stainless-retry-count",
  "x-stainless-runtime",
  "x-stainless-runtime-version",
  "x-stainless-timeout",
];

/**
 * The frame of every function: request id, CORS, one log line a request, and the one place where an error becomes a response.
 * @param name the function's: the first part of every path
 */
export function createApp(name: string, options: FrameOptions): App {
  const { allowedOrigins, now, epochMs, newId, writeLog } = options;
  const app: App = new Hono<AppEnv>({ strict: false });
  const isAllowed = (origin: string) => allowedOrigins.includes(origin) || allowedOrigins.includes("*");

  app.use(async (context, next) => {
    const { method, path } = context.req;
    const log = createRequestLog({ requestId: newId(), method, path, now, write: writeLog });
    context.set("log", log);
    context.header("x-request-id", log.requestId);
    await next();
    await discardBody(context.req.raw);
    if (log.isDeferred) return;
    log.note({ status: context.res.status });
    log.write();
  });
  const answerBrowsers = cors({
    origin: (origin) => (isAllowed(origin) ? origin : null),
    allowMethods: ["GET", "POST", "PUT", "PATCH", "DELETE"],
    allowHeaders: [
      ...[
        "authorization",
        "apikey",
        "content-type",
        "x-client-info",
        "x-region",
        "last-event-id",
        "idempotency-key",
        "if-none-match",
      ],
      ...openaiClientHeaders,
    ],
    exposeHeaders: [
      ...["x-request-id", "retry-after", "server-timing", "x-should-retry", "idempotent-replayed"],
      ...["etag", "x-models-mode", "x-models-count", "x-models-time"],
      ...servedByHeaderNames,
      ...rateLimitHeaderNames,
    ],
    maxAge: 3600,
  });
  // Apps and servers send no origin and need no answer about it, which costs as much as all else in this frame.
  app.use((context, next) =>
    context.req.header("origin") === undefined ? next() : answerBrowsers(context, next),
  );

  const respond = (thrown: unknown, context: Context<AppEnv>) => {
    const error = toSluiceError(thrown);
    const log = context.get("log");
    log.fail(error);
    if (error.retryAfterSeconds !== undefined) context.header("retry-after", String(error.retryAfterSeconds));
    return context.json(error.toBody(), error.status, rateLimitHeaders(error.allowance, epochMs()));
  };
  app.onError(respond);
  // Not thrown: an error at this place skips what middleware adds to the answer.
  app.notFound((context) => respond(new SluiceError("not_found"), context));
  return app.basePath(`/${name}`);
}

/** Answers every other method at a path with 405. To be added after the path's own routes. */
export function refuseOtherMethods(app: App, path: string, allowed: string[]): void {
  app.all(path, (context) => {
    context.header("allow", allowed.join(", "));
    throw new SluiceError("method_not_allowed", {
      message: `This address takes ${allowed.join(", ")} only.`,
    });
  });
}
