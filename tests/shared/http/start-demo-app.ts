import { SluiceError } from "../../../shared/domain/errors.ts";
import { createApp, refuseOtherMethods } from "../../../shared/http/create-app.ts";

/** A key that must not be seen anywhere. */
export const canary = "sk-proj-Canary_0123456789";
/** A page that may call. */
export const ours = "https://app.example.com";

/** An app with a route for each way to end, and what it logs. */
export function startDemoApp(allowedOrigins = [ours]) {
  const lines: string[] = [];
  let time = 1000;
  let count = 0;
  const app = createApp("demo", {
    allowedOrigins,
    now: () => (time += 2.5),
    epochMs: Date.now,
    newId: () => `request-${++count}`,
    writeLog: (line) => lines.push(line),
  });
  app.get("/well", (context) => context.json({ ok: true }));
  app.post("/well", async (context) => {
    context.get("log").note({ userId: "user-1" });
    context.get("log").mark("auth");
    return context.json(await context.req.json());
  });
  refuseOtherMethods(app, "/well", ["GET", "POST"]);
  app.get("/refused", () => {
    const cause = new Error(`401 Incorrect API key provided: ${canary}`, { cause: new Error("connect") });
    throw new SluiceError("rate_limited", {
      retryAfterSeconds: 7,
      detail: { limit: { unit: "requests" } },
      cause,
    });
  });
  app.get("/broken", () => {
    throw new Error(`could not connect to postgres://service:${canary}@db`);
  });
  app.get("/later", (context) => {
    context.get("log").defer();
    return context.text("begun");
  });

  const call = async (path: string, init: RequestInit = {}) => {
    const response = await app.fetch(new Request(`http://localhost${path}`, init));
    const text = await response.text();
    return { status: response.status, headers: response.headers, text, log: lines.at(-1) ?? "" };
  };
  return { call, lines };
}
