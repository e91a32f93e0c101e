import { type App, refuseOtherMethods } from "../../../shared/http/create-app.ts";
import { writeModel, writeModels } from "../../../shared/http/openai/model-list.ts";
import type { V1Options } from "./v1-routes.ts";

/** Adds the routes by which clients learn which models the caller's plan has. */
export function addV1ModelRoutes(app: App, { modelLists, authenticate }: V1Options): void {
  // Ids have slashes, which some clients send as they are.
  const onePath = "/v1/models/:id{.+}";

  app.get("/v1/models", async (context) => {
    const { userId } = await authenticate(context.req.raw);
    const { models } = await modelLists.read(userId, {});
    return context.json(writeModels(models));
  });

  app.get(onePath, async (context) => {
    const { userId } = await authenticate(context.req.raw);
    const { model } = await modelLists.find(userId, context.req.param("id"), false);
    return context.json(writeModel(model));
  });

  refuseOtherMethods(app, "/v1/models", ["GET"]);
  refuseOtherMethods(app, onePath, ["GET"]);
}
