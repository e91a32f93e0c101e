import { describe, expect, test } from "vitest";
import { z } from "zod";
import { parseFields } from "../../../shared/domain/parse-fields.ts";
import { thrownBy } from "../thrown-by.ts";

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
      message: "inner.list.1.name: Invalid input: expected string, received number.",
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
      message: "body: Invalid input: expected object, received array.",
    });
  });
});
