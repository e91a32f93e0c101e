import { randomUUID } from "node:crypto";
import { inject } from "vitest";
import type { StackDescription } from "../../local/stack-description.ts";
import type { Database } from "./open-database.ts";
import { type LimitOptions, type ModelOptions, makeModel, makePlan } from "./test-models.ts";

export interface Person {
  userId: string;
  email: string;
  password: string;
  /** An access token of theirs, good for an hour. */
  token: string;
}

export interface Caller extends Person {
  planId: string;
  /** The one model of the plan. */
  modelId: string;
}

type Address = Pick<StackDescription, "apiUrl" | "publishableKey">;

/** Signs up somebody new, who is on the default plan; in the stack of all tests where no other is given. */
export async function signUp({ apiUrl, publishableKey }: Address = inject("stack")): Promise<Person> {
  const credentials = { email: `${randomUUID()}@example.com`, password: randomUUID() };
  const response = await fetch(`${apiUrl}/auth/v1/signup`, {
    method: "POST",
    headers: { apikey: publishableKey, "content-type": "application/json" },
    body: JSON.stringify(credentials),
  });
  if (!response.ok) throw new Error(`sign-up: ${response.status} ${await response.text()}`);
  const { access_token, user } = (await response.json()) as { access_token: string; user: { id: string } };
  return { ...credentials, userId: user.id, token: access_token };
}

/** Signs up somebody new on a plan of their own, which has one model of its own. */
export async function signUpCaller(
  sql: Database,
  { limits = generous, ...model }: ModelOptions & { limits?: LimitOptions[] } = {},
  address: Address = inject("stack"),
): Promise<Caller> {
  const modelId = await makeModel(sql, model);
  const [planId, person] = await Promise.all([makePlan(sql, { limits, models: [modelId] }), signUp(address)]);
  await setPlan(sql, person.userId, planId);
  return { ...person, planId, modelId };
}

/** Puts somebody on a plan. */
export async function setPlan(sql: Database, userId: string, planId: string): Promise<void> {
  await sql`update private.accounts set plan_id = ${planId} where user_id = ${userId}`;
}

const generous: LimitOptions[] = [
  { unit: "requests", window: "day", amount: 1000 },
  { unit: "tokens", window: "day", amount: 10_000_000 },
  { unit: "nano_usd", window: "month", amount: 10_000_000_000 },
];
