import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Deployment } from "./management-api.ts";
import { copyProject, type ProjectCopy } from "./project-copy.ts";

/** The bound of the platform for what it bundles itself, in bytes. */
const uploadLimit = 5_000_000;
const canary = "canary-5f0c1c7e";
const secrets = [
  /\bsk-[\w-]{20,}/,
  /\bsbp_[0-9a-f]{40}\b/,
  /\bsb_secret_[\w-]{20,}/,
  /\b(?:sk|rk)_(?:live|test)_\w{16,}/,
  /\bwhsec_\w{16,}/,
  /\bAIza[\w-]{30,}/,
  /\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\./,
  /\bpostgres(?:ql)?:\/\/[^\s:/@]+:[^\s@]+@/,
  /-----BEGIN [A-Z ]*PRIVATE KEY-----/,
  new RegExp(canary),
];

describe("supabase functions deploy --use-api", () => {
  let copy: ProjectCopy;
  let deployments: Map<string, Deployment>;
  let refused: string[];

  beforeAll(async () => {
    copy = copyProject();
    const [first] = copy.functions;
    for (const path of [
      ".env",
      "supabase/.env",
      "supabase/functions/.env",
      `supabase/functions/${first}/.env`,
    ])
      copy.write(path, `OPENAI_API_KEY=${canary}\n`);
    copy.write(`supabase/functions/${first}/fixtures/reply.json`, "{}");
    copy.write("shared/http/unused.ts", "export const unused = 1;\n");
    ({ deployments, refused } = await copy.deploy({ OPENAI_API_KEY: canary }));
  });
  afterAll(() => copy?.remove());

  test("deploys every function and asks for nothing else", () => {
    expect(copy.functions).not.toEqual([]);
    expect([...deployments.keys()].sort()).toEqual([...copy.functions].sort());
    expect(refused).toEqual([]);
  });

  test("leaves the check of callers to the functions", () => {
    const settings = [...deployments.values()].map(({ name, files: _, ...sent }) => [name, sent]);
    const expected = { verifyJwt: false, importMapPath: "deno.json" };
    expect(Object.fromEntries(settings)).toEqual(
      Object.fromEntries(
        copy.functions.map((name) => [
          name,
          { ...expected, entrypointPath: `supabase/functions/${name}/index.ts` },
        ]),
      ),
    );
  });

  test("uploads of each function what it imports and the import map, no more and no less", async () => {
    for (const name of copy.functions)
      expect(uploadOf(deployments, name)).toEqual(["deno.json", ...(await copy.importsOf(name))].sort());
  });

  test("uploads no test, tool, fixture or environment file", () => {
    const foreign =
      /^(?:tests|local|bench|docs|node_modules)\/|(?:^|\/)(?:fixtures|recordings)\/|\.test\.ts$|(?:^|\/)\.env/;
    const paths = copy.functions.flatMap((name) => uploadOf(deployments, name));
    expect(paths.filter((path) => foreign.test(path))).toEqual([]);
  });

  test("uploads nothing that looks like a secret", () => {
    const found = [...deployments.values()].flatMap(({ name, files }) =>
      [...files].flatMap(([path, text]) => (findSecret(text) === undefined ? [] : [`${name}: ${path}`])),
    );
    expect(found).toEqual([]);
  });

  test("stays below the platform's limit of 5 MB a function", () => {
    for (const { name, files } of deployments.values()) {
      const bytes = [...files.values()].reduce((sum, text) => sum + Buffer.byteLength(text), 0);
      process.stdout.write(`${name}: ${files.size} files, ${(bytes / 1000).toFixed(1)} kB uploaded\n`);
      expect(bytes).toBeLessThan(uploadLimit);
    }
  });
});

test("an import without its extension is missing from the upload, and that is noticed", async () => {
  const copy = copyProject();
  try {
    const name = copy.functions[0] as string;
    copy.write("shared/http/forgotten.ts", "export const forgotten = 1;\n");
    copy.write(
      `supabase/functions/${name}/index.ts`,
      'import "../../../shared/http/forgotten";\nexport default {};\n',
    );
    const { deployments } = await copy.deploy();
    const expected = ["deno.json", ...(await copy.importsOf(name))].sort();
    expect(uploadOf(deployments, name)).not.toEqual(expected);
    expect(expected).toContain("shared/http/forgotten");
  } finally {
    copy.remove();
  }
});

test.each([
  ["a provider's key", `const key = "sk-${"a1".repeat(12)}";`],
  ["a password in an address", `"postgresql://postgres:${"secret"}@db.test/postgres"`],
  ["a signed token", `eyJ${"a".repeat(20)}.eyJ${"b".repeat(20)}.c`],
])("%s would be noticed", (_what, text) => {
  expect(findSecret(text)).toBeDefined();
});

function uploadOf(deployments: Map<string, Deployment>, name: string): string[] {
  return [...(deployments.get(name)?.files.keys() ?? [])].sort();
}

function findSecret(text: string): RegExp | undefined {
  return secrets.find((pattern) => pattern.test(text));
}
