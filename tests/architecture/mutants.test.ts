import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { mutate } from "../mutants/mutant.ts";
import { mutants } from "../mutants/mutants.ts";
import { readText, root } from "./list-files.ts";

test.each(mutants)("the bug on purpose can still be put in: $fault", (mutant) => {
  expect(() => mutate(readText(mutant.file), mutant)).not.toThrow();
  expect(mutant.killedBy.filter((path) => !existsSync(join(root, path)))).toEqual([]);
});
