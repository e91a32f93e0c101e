import type { Context } from "hono";
import type { listReconciliations } from "../../../shared/billing/reconciliation-log.ts";
import type { RevenueReader } from "../../../shared/billing/revenue.ts";
import type { ModelAdministration } from "../../../shared/catalogue/model-administration.ts";
import type { ModelSync } from "../../../shared/catalogue/model-sync.ts";
import type { SyncAdministration } from "../../../shared/catalogue/sync-administration.ts";
import type { KeyPool } from "../../../shared/credentials/key-pool.ts";
import type { Page } from "../../../shared/database/cursor.ts";
import { type Authenticate, checkAdministrator } from "../../../shared/http/authenticate.ts";
import { type App, type AppEnv, createApp, type FrameOptions } from "../../../shared/http/create-app.ts";
import { addKeyRoutes } from "./key-routes.ts";
import { addModelRoutes } from "./model-routes.ts";
import { addRevenueRoutes } from "./revenue-routes.ts";
import { addSyncRoutes } from "./sync-routes.ts";

export interface AdminOptions extends FrameOptions {
  models: ModelAdministration;
  syncs: SyncAdministration;
  modelSync: ModelSync;
  keyPool: KeyPool;
  revenue: RevenueReader;
  reconciliations(page: Page): ReturnType<typeof listReconciliations>;
  authenticate: Authenticate;
  /** Has the runtime wait for work that goes on after the answer. */
  keepAlive(work: Promise<unknown>): void;
}

/** The function `admin`, for administrators alone: the catalogue and its syncs, the platform's provider keys, revenue, and what was done about them. */
export function createAdmin(options: AdminOptions): App {
  const app = createApp("admin", options);
  addModelRoutes(app, options);
  addSyncRoutes(app, options);
  addKeyRoutes(app, options);
  addRevenueRoutes(app, options);
  return app;
}

/**
 * Who calls; what they do is taken down under this id.
 * @throws SluiceError administrators_only
 */
export async function readActor(context: Context<AppEnv>, authenticate: Authenticate): Promise<string> {
  const userId = await checkAdministrator(authenticate, context.req.raw);
  context.get("log").note({ userId });
  return userId;
}
