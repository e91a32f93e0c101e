import { spawn } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { projectRoot } from "../../../local/project.ts";
import { createEnvelopes } from "../../../shared/keys/envelope.ts";
import { parseFingerprint } from "../../../shared/keys/fingerprint.ts";
import { parseKeyRing } from "../../../shared/keys/key-ring.ts";
import { runKeys } from "../../operations/run-keys.ts";
import { randomRoot } from "./test-ring.ts";

const providerKey = "sk-proj-Canary_0123456789";
const roots = { k1: randomRoot(), k2: randomRoot() };
const setting = JSON.stringify({ active: "k1", keys: roots });
const uuid = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}";
const statement = new RegExp(
  `^insert into private\\.provider_keys \\(id, provider, sealed_key, fingerprint, last_four\\) values ` +
    `\\('(?<id>${uuid})', '(?<provider>[a-z-]+)', '(?<sealedKey>[^']+)', (?<fingerprint>null|'[0-9a-f]{16}'), (?<lastFour>null|'(?:[^']|'')*')\\);\\n$`,
);

async function openRow(sql: string, ring = setting) {
  const { id: record = "", provider = "", ...columns } = statement.exec(sql)?.groups ?? {};
  const { sealedKey = "", fingerprint, lastFour } = columns;
  const envelopes = createEnvelopes(parseKeyRing(ring) as NonNullable<ReturnType<typeof parseKeyRing>>);
  const secret = await envelopes.open(sealedKey, { owner: "platform", provider, record });
  return { key: secret.reveal(), provider, fingerprint, lastFour };
}

function parseRing(value: string): { active: string; keys: Record<string, string> } {
  expect(parseKeyRing(value.trim())).not.toBeNull();
  return JSON.parse(value);
}

describe("new-root", () => {
  test("prints a first key ring, another one each time", async () => {
    const [first, second] = await Promise.all([runKeys(["new-root"]), runKeys(["new-root"])]);
    for (const { stdout, stderr, code } of [first, second]) {
      expect({ stderr, code }).toEqual({ stderr: "", code: 0 });
      const { active, keys } = parseRing(stdout);
      expect([active, ...Object.keys(keys)]).toEqual(["k1", "k1"]);
    }
    expect(first.stdout).not.toBe(second.stdout);
  });

  test.each([
    ["k3", { k1: randomRoot(), k2: randomRoot() }],
    ["k8", { k7: randomRoot(), main: randomRoot() }],
    ["k1", { main: randomRoot() }],
    ["k1000000001", { k1000000000: randomRoot(), k999999999: randomRoot() }],
  ])("adds %s to a ring that is set, and leaves the active key active", async (added, keys) => {
    const [active = ""] = Object.keys(keys);
    const { stdout, stderr, code } = await runKeys(["new-root"], {
      byokKeys: JSON.stringify({ active, keys }),
    });
    const ring = parseRing(stdout);
    expect(code).toBe(0);
    expect(ring).toEqual({ active, keys: { ...keys, [added]: ring.keys[added] } });
    expect(stderr).toContain(`Added ${added}; ${active} stays active`);
    for (const root of Object.values(ring.keys)) expect(stderr).not.toContain(root);
  });

  test("does not build on a ring that is broken", async () => {
    const { stdout, stderr, code } = await runKeys(["new-root"], { byokKeys: setting.slice(1) });
    expect({ stdout, stderr, code }).toEqual({ stdout: "", stderr: "BYOK_KEYS is not JSON.\n", code: 1 });
  });
});

describe("seal", () => {
  test.each([
    ["without a line break", providerKey],
    ["with one", `${providerKey}\n`],
    ["with one of Windows", `${providerKey}\r\n`],
  ])("prints the SQL for a key that comes %s, and the key opens again", async (_how, input) => {
    const { stdout, stderr, code } = await runKeys(["seal", "openai"], { input, byokKeys: setting });
    expect({ stderr, code }).toEqual({ stderr: "", code: 0 });
    expect(await openRow(stdout)).toEqual({
      key: providerKey,
      provider: "openai",
      fingerprint: "null",
      lastFour: "'6789'",
    });
    expect(stdout).toContain("'v1.k1.");
  });

  test("names the key by its fingerprint where there is a key for that, and refuses one that is none", async () => {
    const given = { input: providerKey, byokKeys: setting };
    const fingerprintKey = randomRoot();
    const { stdout } = await runKeys(["seal", "openai"], { ...given, fingerprintKey });
    const fingerprint = await parseFingerprint(fingerprintKey)?.("openai", providerKey);
    expect((await openRow(stdout)).fingerprint).toBe(`'${fingerprint}'`);
    const { stderr, code } = await runKeys(["seal", "openai"], { ...given, fingerprintKey: "short" });
    expect([stderr, code]).toEqual([
      "BYOK_FINGERPRINT_KEY must be 32 random bytes as canonical base64.\n",
      1,
    ]);
  });

  test("shows the key in no form", async () => {
    const { stdout, stderr } = await runKeys(["seal", "openai"], { input: providerKey, byokKeys: setting });
    const bytes = Buffer.from(providerKey);
    for (const form of [
      "Canary",
      bytes.toString("base64url").slice(4, 20),
      bytes.toString("hex").slice(4, 20),
    ])
      expect(stdout + stderr).not.toContain(form);
    for (const root of Object.values(roots)) expect(stdout + stderr).not.toContain(root);
  });

  test.each([
    ["none of a key of 19", "sk-0123456789abcdef", "null"],
    ["four of a key of 20", "sk-0123456789abcdefg", "'defg'"],
    ["quotes as SQL writes them", "sk-0123456789abcd'\\'", "'d''\\'''"],
  ])("stores the last characters: %s", async (_what, key, lastFour) => {
    const { stdout } = await runKeys(["seal", "anthropic"], { input: key, byokKeys: setting });
    expect(await openRow(stdout)).toEqual({ key, provider: "anthropic", fingerprint: "null", lastFour });
  });

  test("takes a key of 1 character and one of 1000", async () => {
    for (const key of ["x", "x".repeat(1_000)]) {
      const { stdout } = await runKeys(["seal", "openai"], { input: key, byokKeys: setting });
      expect((await openRow(stdout)).key).toBe(key);
    }
  });

  test.each([
    ["nothing", ""],
    ["a line break alone", "\n"],
    ["1001 characters", `Canary${"x".repeat(995)}`],
    ["two lines", "Canary-1\nCanary-2\n"],
    ["a control character", "Canary\x07"],
    ["a delete", "Canary\x7f"],
    ["a zero", "Canary\0"],
    ["a blank", "Canary key"],
    ["a blank at its end", "Canary \n"],
    ["two line breaks", "Canary\n\n"],
    ["a letter that no header takes", "Canaryé"],
  ])("refuses %s, without repeating it", async (_what, input) => {
    const { stdout, stderr, code } = await runKeys(["seal", "openai"], { input, byokKeys: setting });
    expect({ stdout, code }).toEqual({ stdout: "", code: 1 });
    expect(stderr).toMatch(/^A key is 1 to 1000 [^\n]+\n$/);
    expect(stderr).not.toContain("Canary");
  });

  test.each(["OpenAI", "open ai", "a'); drop table x; --", "", "a".repeat(41), "-a"])(
    "refuses %j as the name of a provider",
    async (provider) => {
      const { stdout, stderr, code } = await runKeys(["seal", provider], {
        input: providerKey,
        byokKeys: setting,
      });
      expect({ stdout, code }).toEqual({ stdout: "", code: 1 });
      expect(stderr).toMatch(/^Name the provider as routes do/);
    },
  );

  test("says what to do where there is no key ring", async () => {
    const { stdout, stderr, code } = await runKeys(["seal", "openai"], { input: providerKey });
    expect({ stdout, code }).toEqual({ stdout: "", code: 1 });
    expect(stderr).toContain("BYOK_KEYS is not set");
    expect(stderr).toContain("new-root");
  });

  test("names the fault of a key ring that is broken", async () => {
    const byokKeys = JSON.stringify({ active: "k3", keys: roots });
    const { stdout, stderr, code } = await runKeys(["seal", "openai"], { input: providerKey, byokKeys });
    expect({ stdout, code }).toEqual({ stdout: "", code: 1 });
    expect(stderr).toBe('BYOK_KEYS must have the "active" key among "keys".\n');
  });

  test.each([
    ["as it is", setting],
    ["in quotes", `'${setting}'`],
  ])("takes the key ring from .env, %s, where the environment has none", async (_how, value) => {
    const folder = mkdtempSync(join(tmpdir(), "sluice-keys-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    for (const part of ["package.json", "local", "operations", "shared/domain", "shared/keys"])
      cpSync(join(projectRoot, part), join(folder, part), { recursive: true });
    writeFileSync(join(folder, ".env"), `BYOK_KEYS=${value}\n`);
    const given = { input: providerKey, byokKeys: null, folder };
    const { stdout, stderr } = await runKeys(["seal", "openai"], given);
    expect(stderr).toBe("");
    expect((await openRow(stdout)).key).toBe(providerKey);
  });

  // `script` runs a command at a terminal of its own.
  test.skipIf(!existsSync("/usr/bin/script"))(
    "asks at a terminal, which shows nothing of the key",
    async () => {
      const command = [process.execPath, join(projectRoot, "operations", "keys.ts"), "seal", "openai"];
      const parameters =
        process.platform === "linux"
          ? ["-q", "-e", "-c", command.map((word) => `'${word}'`).join(" "), "/dev/null"]
          : ["-q", "/dev/null", ...command];
      const child = spawn("/usr/bin/script", parameters, {
        env: { ...process.env, BYOK_KEYS: setting },
        stdio: ["pipe", "pipe", "inherit"],
      });
      onTestFinished(() => void child.kill());
      let shown = "";
      for await (const piece of child.stdout) {
        const wasAsked = shown.includes("Key of openai");
        shown += piece;
        if (!wasAsked && shown.includes("Key of openai")) child.stdin.end(`${providerKey}\r`);
      }
      const [, sql = ""] = shown.split(/^(?=insert into)/m);
      expect((await openRow(sql.replaceAll("\r", ""))).key).toBe(providerKey);
      expect(shown).not.toContain("Canary");
    },
  );
});

test.each([
  ["no command", []],
  ["a command that does not exist", ["rotate-all"]],
  ["no provider", ["seal"]],
  ["a key in place of stdin", ["seal", "openai", providerKey]],
  ["a parameter too many", ["new-root", "k2"]],
])("%s is answered with the usage", async (_what, parameters) => {
  const { stdout, stderr, code } = await runKeys(parameters, { byokKeys: setting });
  expect({ stdout, code }).toEqual({ stdout: "", code: 2 });
  expect(stderr).toMatch(/^Usage: npm run --silent keys/);
  expect(stderr).not.toContain("Canary");
});
