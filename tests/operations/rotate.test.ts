import { expect, test } from "vitest";
import { randomRoot } from "../shared/keys/test-ring.ts";
import { runKeys } from "./run-keys.ts";

const rotate = (byokKeys: string) => runKeys(["rotate"], { byokKeys });

test.each<[kid: string, before: string, others: string[]]>([
  ["k2", "k1", []],
  ["k10", "k9", ["k1"]],
  ["k3", "main", ["k1", "spare"]],
  ["k1000000001", "k999999999", ["k1000000000"]],
])("rotate makes %s active in place of %s, and keeps every root key", async (kid, before, others) => {
  const keys = Object.fromEntries([kid, before, ...others].map((name) => [name, randomRoot()]));
  const { stdout, stderr, code } = await rotate(JSON.stringify({ active: before, keys }));
  expect(JSON.parse(stdout)).toEqual({ active: kid, keys });
  expect(stdout).toMatch(/^[^\n]+\n$/);
  expect(code).toBe(0);
  expect(stderr).toMatch(
    new RegExp(`^${kid} is active in place of ${before}\\. Set this value everywhere; then .* rewrap"`),
  );
  for (const root of Object.values(keys)) expect(stderr).not.toContain(root);
});

test("what new-root has added is what rotate makes active", async () => {
  const first = await runKeys(["new-root"]);
  const second = await runKeys(["new-root"], { byokKeys: first.stdout });
  const { stdout } = await rotate(second.stdout);
  expect(JSON.parse(stdout)).toEqual({ ...JSON.parse(second.stdout), active: "k2" });
});

test("a root key that is the newest and active already is said to be, and the value stays as it is", async () => {
  const value = { active: "k2", keys: { k1: randomRoot(), k2: randomRoot() } };
  const { stdout, stderr, code } = await rotate(JSON.stringify(value));
  expect(JSON.parse(stdout)).toEqual(value);
  expect({ stderr, code }).toEqual({
    stderr: "k2 is the newest root key and active already: nothing is changed.\n",
    code: 0,
  });
});

test.each(["k1", "main"])("where %s is the only root key, another one is asked for", async (kid) => {
  const value = { active: kid, keys: { [kid]: randomRoot() } };
  const { stdout, stderr, code } = await rotate(JSON.stringify(value));
  expect(JSON.parse(stdout)).toEqual(value);
  expect(stderr).toMatch(
    new RegExp(`^${kid} is the only root key and active already: .* new-root" adds another`),
  );
  expect(code).toBe(0);
});

test("where no root key has a number, none is guessed", async () => {
  const keys = { main: randomRoot(), spare: randomRoot() };
  const { stdout, stderr, code } = await rotate(JSON.stringify({ active: "main", keys }));
  expect({ stdout, code }).toEqual({ stdout: "", code: 1 });
  expect(stderr).toMatch(/^BYOK_KEYS has no root key called k1, k2 and so on, .* new-root"\.\n$/);
});
