import { beforeAll, describe, expect, test } from "vitest";
import { createChatClient } from "../../support/chat-client.ts";
import { connectDatabase } from "../../support/connect-database.ts";
import { createModelsClient } from "../../support/models-client.ts";
import { type Person, setPlan, signUp } from "../../support/people.ts";
import { makeModels, makePlan } from "../../support/test-models.ts";

const sql = connectDatabase();
const models = createModelsClient();

const statuses = ["new", "active", "inactive", "disabled"] as const;
/** What becomes of a model's only route. */
const routes = ["served", "switched off", "missing", "without a price"] as const;
const planNames = ["first", "second", "third"] as const;

interface Made {
  id: string;
  status: (typeof statuses)[number];
  route: (typeof routes)[number];
  /** The plans that have it. */
  plans: readonly string[];
}

/** Every subset of the plans. */
const accesses = Array.from({ length: 8 }, (_, bits) =>
  planNames.filter((_name, index) => bits & (1 << index)),
);
const made: Made[] = [];
const people = new Map<string, Person>();

beforeAll(async () => {
  const kinds = statuses.flatMap((status) =>
    accesses.flatMap((plans) =>
      (status === "active" ? routes : routes.slice(0, 1)).map((route) => ({ status, plans, route })),
    ),
  );
  const ids = await makeModels(
    sql,
    kinds.map(({ route }) => ({ routes: [{ isEnabled: route !== "switched off" }] })),
  );
  for (const [index, kind] of kinds.entries()) made.push({ id: ids[index] as string, ...kind });
  const idsOf = (is: (model: Made) => boolean) => made.filter(is).map(({ id }) => id);
  for (const status of statuses)
    await sql`
      update private.models set status = ${status}, status_before = ${status === "inactive" ? "active" : null}
      where id in ${sql(idsOf((model) => model.status === status))}`;
  await sql`
    update private.model_routes set listing = 'missing', last_seen_at = now()
    where model_id in ${sql(idsOf(({ route }) => route === "missing"))}`;
  // Prices stay; a route that never had one takes the place of the one that has.
  const unpriced = idsOf(({ route }) => route === "without a price");
  await sql`update private.model_routes set is_enabled = false where model_id in ${sql(unpriced)}`;
  await sql`insert into private.model_routes ${sql(unpriced.map((model_id) => ({ model_id, provider: "google", upstream_model: "x" })))}`;
  for (const name of planNames) {
    const planId = await makePlan(sql, { models: idsOf(({ plans }) => plans.includes(name)) });
    const person = await signUp();
    await setPlan(sql, person.userId, planId);
    people.set(name, person);
  }
});

describe.each(planNames)("somebody on the %s plan", (plan) => {
  const isUsable = ({ status, route, plans }: Made) =>
    status === "active" && route === "served" && plans.includes(plan);

  test("is listed exactly the active models of the plan that somebody serves", async () => {
    const { body } = await models.list(people.get(plan) as Person);
    expect(body.models.map(({ id }) => id).toSorted()).toEqual(
      made
        .filter(isUsable)
        .map(({ id }) => id)
        .toSorted(),
    );
    expect(body.models).toHaveLength(4);
  });

  test("finds each of them by its id, and no other", async () => {
    const person = people.get(plan) as Person;
    const found = await Promise.all(
      made.map(async (model) => ({ model, status: (await models.find(person, model.id)).status })),
    );
    expect(found.filter(({ model, status }) => status !== (isUsable(model) ? 200 : 404))).toEqual([]);
  });

  test("is told by a chat why another model is out of reach", async () => {
    const person = people.get(plan) as Person;
    const chat = createChatClient();
    const expected = ({ status, route, plans }: Made) => {
      if (status !== "active") return [404, "model_not_found"];
      if (!plans.includes(plan)) return [403, "model_not_allowed"];
      return route === "served" ? [200, undefined] : [503, "model_unavailable"];
    };
    const asked = await Promise.all(
      made.map(async (model) => {
        const { status, error } = await chat.ask(person, { message: "Hi", model: model.id });
        return { model, answer: [status, error?.code] };
      }),
    );
    expect(asked.filter(({ model, answer }) => String(answer) !== String(expected(model)))).toEqual([]);
  });
});
