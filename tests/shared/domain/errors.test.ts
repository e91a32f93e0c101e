import { describe, expect, test } from "vitest";
import { type ErrorCode, errorTable } from "../../../shared/domain/error-table.ts";
import { SluiceError, toSluiceError } from "../../../shared/domain/errors.ts";

const rows = Object.entries(errorTable) as [
  ErrorCode,
  { status: number; type: string; message: string; retryAfterSeconds?: number },
][];

describe.each(rows)("the error %s", (code, row) => {
  test("has a status of errors, and a type that fits it", () => {
    const types: Record<number, string[]> = {
      400: ["invalid_request_error"],
      401: ["authentication_error"],
      402: ["insufficient_quota", "invalid_request_error"],
      403: ["permission_error"],
      404: ["not_found_error"],
      405: ["invalid_request_error"],
      409: ["invalid_request_error"],
      413: ["invalid_request_error"],
      422: ["invalid_request_error"],
      429: ["rate_limit_error"],
      500: ["server_error"],
      502: ["provider_error"],
      503: ["provider_error", "server_error"],
      504: ["provider_error", "server_error"],
    };
    expect(types[row.status]).toContain(row.type);
  });

  test("has a message that is a sentence, and gives nothing of ours away", () => {
    expect(row.message).toMatch(/^[A-Z].*\.$/);
    expect(row.message).not.toMatch(/postgres|postgrest|supabase|deno|sql/i);
  });

  test("says when to come back if it is over by itself, and only then", () => {
    // A rate limit knows its own wait, and an answer that is there already must not be asked for again.
    const helps =
      (row.status === 503 && code !== "settlement_pending" && code !== "not_configured") ||
      ["request_running", "sync_running", "billing_busy", "reconciliation_running"].includes(code);
    expect(row.retryAfterSeconds !== undefined).toBe(helps);
    expect(new SluiceError(code).retryAfterSeconds).toBe(row.retryAfterSeconds);
  });

  test("has one shape on the wire", () => {
    const error = new SluiceError(code);
    expect(error.status).toBe(row.status);
    expect(JSON.parse(JSON.stringify(error.toBody()))).toEqual({
      error: { message: row.message, type: row.type, param: null, code },
    });
  });
});

describe("what a thrower adds", () => {
  const cause = new Error("relation private.holds does not exist");
  const error = new SluiceError("quota_exceeded", {
    message: "The budget of this month is used up.",
    param: "model",
    retryAfterSeconds: 7,
    detail: { limit: { unit: "nano_usd" }, upgrade: "pro" },
    cause,
  });

  test("is public, but for the cause", () => {
    expect(error.retryAfterSeconds).toBe(7);
    expect(error.cause).toBe(cause);
    expect(error.toBody()).toEqual({
      error: {
        message: "The budget of this month is used up.",
        type: "insufficient_quota",
        param: "model",
        code: "quota_exceeded",
        limit: { unit: "nano_usd" },
        upgrade: "pro",
      },
    });
  });

  test("stays when more is known, and the error thrown first stays as it was", () => {
    const more = error.withDetail({ upgrade: null, costNano: 5 });
    expect(more.toBody().error).toEqual({ ...error.toBody().error, upgrade: null, costNano: 5 });
    expect(more).toMatchObject({ code: error.code, status: 402, retryAfterSeconds: 7, cause });
    expect(error.toBody().error).not.toHaveProperty("costNano");
  });
});

test("an error that is ours reaches the caller as it is", () => {
  const error = new SluiceError("not_found");
  expect(toSluiceError(error)).toBe(error);
});

test.each([
  ["an Error", new Error("password authentication failed for user postgres")],
  ["a text", "password authentication failed"],
  ["nothing", undefined],
  ["what looks like one of ours", { code: "not_found", status: 404, message: "See postgres://…" }],
])("%s that was thrown is internal_error, whose text is the table's", (_what, thrown) => {
  const error = toSluiceError(thrown);
  expect(error.toBody().error).toEqual({
    message: errorTable.internal_error.message,
    type: "server_error",
    param: null,
    code: "internal_error",
  });
  expect(error.cause).toBe(thrown);
});
