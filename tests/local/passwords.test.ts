import { expect, test } from "vitest";
import { hashPassword, matchesPassword } from "../../local/auth/passwords.ts";

test("a hash matches its password alone, and two hashes of one password differ", async () => {
  const [first, second] = await Promise.all([hashPassword("correct horse"), hashPassword("correct horse")]);
  expect(first).not.toBe(second);
  expect(first).not.toContain("correct horse");
  expect(await matchesPassword("correct horse", first)).toBe(true);
  expect(await matchesPassword("correct horse", second)).toBe(true);
  expect(await matchesPassword("Correct horse", first)).toBe(false);
});

test.each(["", "correct horse", "bcrypt$c2FsdA$aGFzaA", "scrypt$$"])(
  "a stored text that is no hash of ours matches nothing: %j",
  async (stored) => {
    expect(await matchesPassword("correct horse", stored)).toBe(false);
  },
);
