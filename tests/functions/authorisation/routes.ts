import { accountRoutes, byokRoutes } from "./account-routes.ts";
import { adminRoutes } from "./admin-routes.ts";
import { billingRoutes } from "./billing-routes.ts";
import { chatRoutes, modelRoutes } from "./chat-routes.ts";
import type { Route } from "./route.ts";

/** Every route of every function. */
export const routes: Route[] = [
  ...chatRoutes,
  ...modelRoutes,
  ...byokRoutes,
  ...accountRoutes,
  ...adminRoutes,
  ...billingRoutes,
];
