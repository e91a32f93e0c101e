import { onlyModel } from "../../../shared/catalogue/model-list.ts";
import { readModelId } from "../../../shared/domain/model-id.ts";
import { type App, refuseOtherMethods } from "../../../shared/http/create-app.ts";
import { writeModel, writeModels } from "../../../shared/http/openai/model-list.ts";
import type { V1Options } from "./v1-routes.ts";

/** Adds the routes by which clients learn which models the caller's plan has. */
export function addV1ModelRoutes(app: App, { modelLists, callers }: V1Options): void {
  // Ids have slashes, which some clients send as they are.
  const onePath = "/v1/models/:id{.+}";

  app.get("/v1/models", async (context) => {
    const { userId } = await callers.authenticate(context.req.raw, "models");
    const { models } = await (await modelLists.open(userId, {})).read();
    return context.json(writeModels(models));
  });

  app.get(onePath, async (context) => {
    const { userId } = await callers.authenticate(context.req.raw, "models");
    const { models } = await (
      await modelLists.open(userId, { id: readModelId(context.req.param("id")) })
    ).read();
    return context.json(writeModel(onlyModel(models)));
  });

  refuseOtherMethods(app, "/v1/models", ["GET"]);
  refuseOtherMethods(app, onePath, ["GET"]);
}
