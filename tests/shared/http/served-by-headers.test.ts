import { expect, test } from "vitest";
import type { ServedBy } from "../../../shared/domain/chat-event.ts";
import { servedByHeaderNames, servedByHeaders } from "../../../shared/http/served-by-headers.ts";

const served: ServedBy = {
  model: "openai/gpt-4o-mini",
  provider: "openrouter",
  credential: "environment",
  attempts: 3,
  warnings: [],
};
const warn = (param: string) => ({ param, message: "It was left out." });

test("an answer's headers say who served it", () => {
  expect(servedByHeaders(served)).toEqual({
    "x-sluice-model": "openai/gpt-4o-mini",
    "x-sluice-provider": "openrouter",
    "x-sluice-attempts": "3",
    "x-sluice-credential": "environment",
  });
});

test("and what was left out, where anything was", () => {
  const headers = servedByHeaders({ ...served, warnings: [warn("seed"), warn("top_p")] });
  expect(headers).toMatchObject({ "x-sluice-warnings": "seed,top_p" });
  expect(Object.keys(headers).toSorted()).toEqual(servedByHeaderNames.toSorted());
});

test("a model's id fits into a header whatever its letters are", () => {
  const headers = new Headers(servedByHeaders({ ...served, model: "наш/модель 1\n" }));
  expect(decodeURI(headers.get("x-sluice-model") ?? "")).toBe("наш/модель 1\n");
});
