import { expect, test } from "vitest";
import { writeModel, writeModels } from "../../../../shared/http/openai/model-list.ts";

const createdAt = "2026-05-01T00:00:00.999Z";
const created = 1_777_593_600;

test("a model has its maker as owner and the second in which it was added", () => {
  expect(writeModel({ id: "openai/gpt-4o-mini", createdAt })).toEqual({
    id: "openai/gpt-4o-mini",
    object: "model",
    created,
    owned_by: "openai",
  });
});

test.each(["house-model", "/odd"])("a model of no maker is the service's own: %s", (id) => {
  expect(writeModel({ id, createdAt }).owned_by).toBe("sluice");
});

test("models are a list, also where there are none", () => {
  expect(writeModels([{ id: "a/b", createdAt }])).toMatchObject({
    object: "list",
    data: [{ id: "a/b", created }],
  });
  expect(writeModels([])).toEqual({ object: "list", data: [] });
});
