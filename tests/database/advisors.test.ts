import { expect, inject, test } from "vitest";
import { runSupabaseCli } from "../../local/supabase-cli.ts";

interface Finding {
  name: string;
  detail: string;
}

test("Supabase's advisors find nothing to object to", async () => {
  const args = ["db", "advisors", "--type=all", "--level=info", "--fail-on=none", "--output-format=json"];
  const { results } = JSON.parse(await runSupabaseCli(inject("stack").dbUrl, args)) as { results: Finding[] };
  // That an index was not used yet tells how old a database is.
  const findings = results.filter(({ name }) => name !== "unused_index");
  expect(findings.map(({ name, detail }) => `${name}: ${detail}`)).toEqual([]);
});
