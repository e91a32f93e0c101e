import { inspect } from "node:util";
import { expect, test } from "vitest";
import { createSecret } from "../../../shared/domain/secret.ts";
import { isFromJob, readJobSecret } from "../../../shared/keys/job-secret.ts";

const text = "canary-of-a-job-secret-0123456789";

test("the secret of jobs is read, and does not show itself", () => {
  const secret = readJobSecret((name) => (name === "JOB_SECRET" ? text : undefined));
  expect(secret?.reveal()).toBe(text);
  expect(inspect(secret)).not.toContain("canary");
});

test("none is needed, and an empty one counts as none", () => {
  expect(readJobSecret(() => undefined)).toBeNull();
  expect(readJobSecret(() => " ")).toBeNull();
});

test.each(["canary-too-short", `canary\n${"x".repeat(40)}`, `canary-é${"x".repeat(40)}`])(
  "%j is refused without a word of what it holds",
  (value) => {
    expect(() => readJobSecret(() => value)).toThrow(/^JOB_SECRET must .*\.$/);
    expect(() => readJobSecret(() => value)).not.toThrow(/canary/);
  },
);

test.each([
  [`Bearer ${text}`, true],
  [`bearer ${text}`, true],
  [text, false],
  [`Bearer ${text}x`, false],
  [`Bearer ${text.slice(1)}`, false],
  ["Bearer ", false],
  [undefined, false],
])("a request with authorization %j is a job's: %j", async (authorization, isJob) => {
  const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
  expect(await isFromJob(new Request("http://localhost/", { headers }), createSecret(text))).toBe(isJob);
});
