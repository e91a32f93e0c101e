import { describe, expect, test } from "vitest";
import { z } from "zod";
import { parseFields } from "../../../shared/domain/parse-fields.ts";
import { thrownBy } from "../thrown-by.ts";

/** A schema without a word of its own for what is wrong. */
const bare = z.strictObject({
  name: z.string().min(2).max(3).optional(),
  list: z.array(z.unknown()).min(1).max(2).optional(),
  share: z.number().min(0.5).max(1).optional(),
  count: z.int().optional(),
  map: z.record(z.string(), z.unknown()).optional(),
  flag: z.boolean().optional(),
  id: z.uuid().optional(),
  word: z.string().regex(/^a/).optional(),
  choice: z.enum(["a", "b"]).optional(),
  kind: z.discriminatedUnion("type", [z.strictObject({ type: z.literal("x"), size: z.int() })]).optional(),
});

const schema = z.strictObject({
  limit: z.coerce.number().int().min(1).default(20),
  inner: z.strictObject({ list: z.array(z.strictObject({ name: z.string() })) }).optional(),
  either: z.union([z.string(), z.array(z.union([z.strictObject({ size: z.int() }), z.null()]))]).optional(),
});

/** Where and with which words a value is refused. */
function refuse(value: unknown) {
  const { error } = thrownBy(() => parseFields(schema, value)).toBody();
  return { param: error.param, message: error.message };
}

test("what a schema makes of a value is returned: defaults and conversions too", () => {
  expect(parseFields(schema, {})).toEqual({ limit: 20 });
  expect(parseFields(schema, { limit: "7" })).toEqual({ limit: 7 });
});

describe("a refusal names", () => {
  test("the field, with the way to it", () => {
    expect(refuse({ inner: { list: [{ name: "a" }, { name: 1 }] } })).toEqual({
      param: "inner.list.1.name",
      message: "inner.list.1.name: must be a text.",
    });
  });

  test("the first of several fields", () => {
    expect(refuse({ limit: 0, inner: 1 }).param).toBe("limit");
  });

  test("a field that does not exist, and how to get rid of it", () => {
    expect(refuse({ inner: { list: [], size: 1 } })).toEqual({
      param: "inner.size",
      message: "inner.size: is not a known field: remove it.",
    });
  });

  test.each([
    ["the form that it comes closest to", [{ size: 1 }, { size: 0.5 }], "either.1.size"],
    ["the place where no form fits", [{ size: 1 }, 7], "either.1"],
    ["the field where it has none of its forms", 7, "either"],
    ["an unknown member of the form that it comes closest to", [{ size: 1, width: 2 }], "either.0.width"],
  ])("of a value that may have several forms %s", (_what, either, param) => {
    expect(refuse({ either })).toMatchObject({ param, message: expect.stringMatching(`^${param}: .+\\.$`) });
  });

  test("the body, where no field is at fault", () => {
    expect(refuse([])).toEqual({
      param: null,
      message: "body: must be an object.",
    });
  });
});

test.each<[unknown, string]>([
  [{ name: "a" }, "name: must have at least 2 characters."],
  [{ name: "abcd" }, "name: must have at most 3 characters."],
  [{ list: [] }, "list: is empty."],
  [{ list: [1, 2, 3] }, "list: must have at most 2 items."],
  [{ list: "a" }, "list: must be a list."],
  [{ share: 0 }, "share: must be at least 0.5."],
  [{ share: 2 }, "share: must be at most 1."],
  [{ share: "1" }, "share: must be a number."],
  [{ count: 0.5 }, "count: must be a whole number."],
  [{ map: [] }, "map: must be an object."],
  [{ flag: 1 }, "flag: must be true or false."],
  [{ id: "x" }, "id: must be a UUID."],
  [{ word: "b" }, "word: does not have the right form."],
  [{ choice: "c" }, 'choice: must be "a" or "b".'],
  [{ kind: {} }, 'kind.type: must be "x".'],
  [{ kind: { type: "x" } }, "kind.size: is missing."],
])("%j is refused in words for whoever sent it", (value, message) => {
  expect(thrownBy(() => parseFields(bare, value)).message).toBe(message);
});
