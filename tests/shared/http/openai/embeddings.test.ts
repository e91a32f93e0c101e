import { OpenAI } from "openai";
import { describe, expect, test } from "vitest";
import { writeEmbeddings } from "../../../../shared/http/openai/embedding-list.ts";
import { parseEmbeddingParams } from "../../../../shared/http/openai/embedding-params.ts";
import { thrownBy } from "../../thrown-by.ts";
import { served } from "./results.ts";

describe("what is to be embedded", () => {
  test("is one text or many", () => {
    expect(parseEmbeddingParams({ input: "a" })).toEqual({ input: ["a"], encoding: "float" });
    const body = { input: ["a", "b"], model: "m", provider: "p", dimensions: 8, encoding_format: "base64" };
    expect(parseEmbeddingParams({ ...body, user: "u" })).toEqual({
      input: ["a", "b"],
      model: "m",
      provider: "p",
      dimensions: 8,
      encoding: "base64",
    });
  });

  test("may leave out by null what may be left out", () => {
    expect(
      parseEmbeddingParams({
        input: "a",
        model: null,
        provider: null,
        dimensions: null,
        encoding_format: null,
      }),
    ).toEqual({ input: ["a"], encoding: "float" });
  });

  test.each<[what: string, body: unknown, code: string, param: string | null]>([
    ["nothing", {}, "invalid_request", "input"],
    ["an empty text", { input: "" }, "invalid_request", "input"],
    ["an empty list", { input: [] }, "invalid_request", "input"],
    ["an empty text in a list", { input: ["a", ""] }, "invalid_request", "input.1"],
    ["more texts than 2048", { input: Array(2049).fill("a") }, "invalid_request", "input"],
    ["a text that cannot be stored", { input: "\ud800" }, "invalid_request", "input"],
    ["tokens", { input: [1, 2] }, "unsupported_parameter", "input"],
    ["lists of tokens", { input: [[1, 2], [3]] }, "unsupported_parameter", "input"],
    ["no dimensions", { input: "a", dimensions: 0 }, "invalid_request", "dimensions"],
    ["another encoding", { input: "a", encoding_format: "hex" }, "invalid_request", "encoding_format"],
    ["an unknown member", { input: "a", truncate: true }, "invalid_request", "truncate"],
    ["no object", ["a"], "invalid_request", null],
  ])("is refused as %s", (_what, body, code, param) => {
    const error = thrownBy(() => parseEmbeddingParams(body));
    expect([error.code, error.toBody().error.param]).toEqual([code, param]);
  });
});

test.each([
  ["input", { input: Array(2049).fill("a") }, /^input: holds more than 2048 texts/],
  ["input", { input: [] }, /^input: is empty/],
  ["input", { input: "" }, /^input: is empty/],
  ["input.1", { input: ["a", 1n] }, /^input\.1: must be a text\./],
  ["input", { input: {} }, /^input: must be a text or a list of texts/],
])("what is wrong with %s is told: %#", (param, body, reason) => {
  const error = thrownBy(() => parseEmbeddingParams(body));
  expect(error.toBody().error.param).toBe(param);
  expect(error.message).toMatch(reason);
});

describe("the official client reads", () => {
  const vectors = [
    [0.5, -1.25, 0],
    [1, 2, 3.0000001],
  ];

  async function read(encoding: "float" | "base64" | undefined) {
    const sent: unknown[] = [];
    const client = new OpenAI({
      apiKey: "key",
      baseURL: "https://sluice.example/v1",
      fetch: async (_url, init) => {
        const body = JSON.parse(String(init?.body));
        sent.push(body);
        return Response.json(writeEmbeddings({ ...served, vectors }, parseEmbeddingParams(body).encoding));
      },
    });
    const answer = await client.embeddings.create({
      model: "a/embed",
      input: ["a", "b"],
      ...(encoding === undefined ? {} : { encoding_format: encoding }),
    });
    return { answer, sent };
  }

  test("vectors, which it asks for as base64 and decodes", async () => {
    const { answer, sent } = await read(undefined);
    expect(sent).toMatchObject([{ encoding_format: "base64" }]);
    expect(answer.data.map(({ embedding }) => [...embedding])).toEqual(
      vectors.map((vector) => [...new Float32Array(vector)]),
    );
    expect(answer).toMatchObject({
      object: "list",
      model: served.model,
      usage: { prompt_tokens: 10, total_tokens: 10 },
      data: [{ object: "embedding", index: 0 }, { index: 1 }],
      sluice: { provider: served.provider, costNano: served.costNano, warnings: served.warnings },
    });
  });

  test("vectors as plain numbers", async () => {
    const { answer } = await read("float");
    expect(answer.data.map(({ embedding }) => embedding)).toEqual(vectors);
  });
});

test("base64 is of 32-bit floats, little endian", () => {
  expect(writeEmbeddings({ ...served, vectors: [[1, -2]] }, "base64")).toMatchObject({
    data: [{ embedding: Buffer.from("0000803f000000c0", "hex").toString("base64") }],
  });
});
