import { z } from "zod";
import { type ModelSync, sourceNames } from "../../../shared/catalogue/model-sync.ts";
import { parseFields } from "../../../shared/domain/parse-fields.ts";
import type { Secret } from "../../../shared/domain/secret.ts";
import { type Authenticate, checkAdministrator } from "../../../shared/http/authenticate.ts";
import {
  type App,
  createApp,
  type FrameOptions,
  refuseOtherMethods,
} from "../../../shared/http/create-app.ts";
import { parseJsonBytes, readBytes } from "../../../shared/http/read-json.ts";
import { isFromJob } from "../../../shared/keys/job-secret.ts";

interface SyncModelsOptions extends FrameOptions {
  modelSync: ModelSync;
  authenticate: Authenticate;
  /** What jobs show; null where none is set. */
  jobSecret: Secret | null;
  /** Has the runtime wait for work that goes on after the answer. */
  keepAlive(work: Promise<unknown>): void;
}

const bodySchema = z.strictObject({ source: z.enum(sourceNames).optional() });

/** The function `sync-models`: has the catalogue follow what providers list, for a job or an administrator. */
export function createSyncModels(options: SyncModelsOptions): App {
  const { modelSync, authenticate, jobSecret, keepAlive } = options;
  const app = createApp("sync-models", options);
  app.post("/", async (context) => {
    const request = context.req.raw;
    const isJob = jobSecret !== null && (await isFromJob(request, jobSecret));
    const actorId = isJob ? null : await checkAdministrator(authenticate, request);
    if (actorId !== null) context.get("log").note({ userId: actorId });
    const bytes = await readBytes(request);
    const { source } = parseFields(bodySchema, bytes.length === 0 ? {} : parseJsonBytes(bytes));
    const { ended, ...run } = await modelSync.start(source, actorId);
    keepAlive(ended);
    return context.json(run, 202);
  });

  refuseOtherMethods(app, "/", ["POST"]);
  return app;
}
