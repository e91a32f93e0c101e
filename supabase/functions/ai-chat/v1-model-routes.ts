import { type App, refuseOtherMethods } from "../../../shared/http/create-app.ts";
import { writeModel, writeModels } from "../../../shared/http/openai/model-list.ts";
import type { V1Options } from "./v1-routes.ts";

/** Adds the routes by which clients learn which models the caller's plan has. */
export function addV1ModelRoutes(app: App, { models, authenticate }: V1Options): void {
  // Ids have slashes, which some clients send as they are.
  const onePath = "/v1/models/:id{.+}";

  app.get("/v1/models", async (context) => {
    const { userId } = await authenticate(context.req.raw);
    return context.json(writeModels(await models.list(userId)));
  });

  app.get(onePath, async (context) => {
    const { userId } = await authenticate(context.req.raw);
    return context.json(writeModel(await models.find(userId, context.req.param("id"))));
  });

  refuseOtherMethods(app, "/v1/models", ["GET"]);
  refuseOtherMethods(app, onePath, ["GET"]);
}
