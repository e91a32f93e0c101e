import { describe, expect, test } from "vitest";
import { z } from "zod";
import { objectSchema } from "../../../shared/domain/json-schema.ts";
import { parseFields } from "../../../shared/domain/parse-fields.ts";
import { thrownBy } from "../thrown-by.ts";

const field = z.strictObject({ parameters: objectSchema });
const parse = (parameters: unknown) => parseFields(field, { parameters }).parameters;

/** A schema inside a member of an object's schema. */
const within = (schema: unknown) => ({ type: "object", properties: { a: schema } });

describe("a schema is taken as it is:", () => {
  test.each<[what: string, schema: Record<string, unknown>]>([
    ["without members", { type: "object" }],
    [
      "with members, some of them required",
      {
        type: "object",
        properties: { city: { type: "string", description: "Where" }, days: { type: "integer", minimum: 1 } },
        required: ["city"],
        additionalProperties: false,
      },
    ],
    [
      "with lists, of one kind or of places",
      within({ type: "array", items: { type: "number" }, prefixItems: [{}] }),
    ],
    ["with several types", within({ type: ["string", "null"] })],
    ["with choices", within({ anyOf: [{ type: "string" }, { const: 1 }], oneOf: [true], allOf: [] })],
    ["with values to choose from", within({ enum: ["a", 1, null] })],
    [
      "with conditions",
      within({ if: { type: "string" }, else: false, not: {}, contains: {}, dependentSchemas: { a: {} } }),
    ],
    ["with schemas that are yes or no", within(true)],
    [
      "with names by pattern",
      { type: "object", patternProperties: { "^x-": {} }, propertyNames: { maxLength: 5 } },
    ],
    ["with keywords that nobody knows", { type: "object", "x-order": ["b", "a"], title: 7 }],
    [
      "with references within itself, also to itself",
      {
        type: "object",
        properties: {
          home: { $ref: "#/$defs/address" },
          next: { $ref: "#" },
          old: { $ref: "#/definitions/a~1b~0c" },
        },
        $defs: { address: { type: "object" } },
        definitions: { "a/b~c": {} },
      },
    ],
    [
      "with a reference into a list",
      { type: "object", anyOf: [{ type: "object" }], not: { $ref: "#/anyOf/0" } },
    ],
  ])("%s", (_what, schema) => {
    expect(parse(schema)).toEqual(schema);
  });

  test("a member may be called like a keyword: what it holds is a schema and not the keyword's value", () => {
    const schema = {
      type: "object",
      properties: {
        type: { type: "string" },
        required: { type: "boolean" },
        $ref: { type: "string" },
        enum: {},
      },
    };
    expect(parse(schema)).toEqual(schema);
  });
});

describe("a schema that providers would refuse is refused before, with the field and the fault:", () => {
  test.each<[what: string, schema: unknown, fault: RegExp]>([
    ["none", "object", /must be an object/],
    ["a list", [], /must be an object/],
    ["of no object", { type: "string" }, /must have the type "object"/],
    ["without a type", { properties: {} }, /must have the type "object"/],
    ["of an object among others", { type: ["object"] }, /must have the type "object"/],
    ["with a member that is no schema", within("string"), /a schema that is not an object/],
    ["with a member that is null", within(null), /a schema that is not an object/],
    ["with a member that is a list", within([{ type: "string" }]), /a schema that is not an object/],
    ["with an unknown type", within({ type: "text" }), /the unknown type "text"/],
    ["with an unknown type among others", within({ type: ["string", "date"] }), /the unknown type "date"/],
    ["with a type that is no name", within({ type: 7 }), /the unknown type 7/],
    ["with a required member that is said in its own schema", within({ required: true }), /`required`/],
    ["with required members that are no names", { type: "object", required: [1] }, /`required`/],
    ["with no values to choose from", within({ enum: [] }), /`enum`/],
    ["with values that are no list", within({ enum: "a" }), /`enum`/],
    ["with members that are a list", { type: "object", properties: [] }, /list or map of schemas/],
    ["with choices that are no list", within({ anyOf: { type: "string" } }), /list or map of schemas/],
    ["with a fault in a list", within({ type: "array", items: { type: "int" } }), /the unknown type "int"/],
    ["with a fault in a choice", within({ oneOf: [{}, { type: "int" }] }), /the unknown type "int"/],
    ["with a fault in a definition", { type: "object", $defs: { a: 7 } }, /a schema that is not an object/],
    ["with a reference that leads nowhere", within({ $ref: "#/$defs/missing" }), /leads nowhere.*missing/],
    ["with a reference to another document", within({ $ref: "https://example.com/a.json" }), /leads nowhere/],
    ["with a reference to an anchor", within({ $ref: "#address" }), /leads nowhere/],
    ["with a reference that is no text", within({ $ref: 7 }), /leads nowhere/],
    ["with a reference to what every object inherits", within({ $ref: "#/constructor" }), /leads nowhere/],
  ])("%s", (_what, schema, fault) => {
    const error = thrownBy(() => parse(schema));
    expect(error.toBody().error).toMatchObject({ code: "invalid_request", param: "parameters" });
    expect(error.message).toMatch(/^parameters: .*\.$/);
    expect(error.message).toMatch(fault);
  });
});
