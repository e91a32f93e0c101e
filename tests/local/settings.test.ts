import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseEnv } from "node:util";
import { expect, test } from "vitest";
import { projectRoot } from "../../local/project.ts";
import { chooseSettings, functionSettings } from "../../local/settings.ts";

const simulatorUrl = "http://127.0.0.1:9";

test("without a key or an address, or with empty ones, functions call the simulator", () => {
  for (const environment of [{}, { OPENAI_API_KEY: "", OPENAI_BASE_URL: "" }]) {
    const { settings, provider } = chooseSettings(environment, simulatorUrl);
    expect(provider).toBe("simulator");
    expect(settings).toEqual({
      OPENAI_API_KEY: "sk-simulator",
      OPENAI_BASE_URL: "http://127.0.0.1:9/openai/v1",
    });
  }
});

test("a key alone means OpenAI at its own address", () => {
  const { settings, provider } = chooseSettings({ OPENAI_API_KEY: "sk-mine" }, simulatorUrl);
  expect(provider).toBe("OpenAI, from OPENAI_API_KEY");
  expect(settings).toEqual({ OPENAI_API_KEY: "sk-mine" });
});

test("an address wins, and without a key of its own it gets none that is worth anything", () => {
  const OPENAI_BASE_URL = "http://localhost:8080/v1";
  const withKey = chooseSettings({ OPENAI_API_KEY: "sk-mine", OPENAI_BASE_URL }, simulatorUrl);
  expect(withKey.provider).toBe("http://localhost:8080/v1, from OPENAI_BASE_URL");
  expect(withKey.settings).toEqual({ OPENAI_API_KEY: "sk-mine", OPENAI_BASE_URL });
  const without = chooseSettings({ OPENAI_BASE_URL }, simulatorUrl);
  expect(without.settings).toEqual({ OPENAI_API_KEY: "sk-simulator", OPENAI_BASE_URL });
});

test("functions get their own settings and nothing else of the environment", () => {
  const { settings } = chooseSettings({ OPENAI_API_KEY: "sk-mine", HOME: "/home/me" }, simulatorUrl);
  expect(settings).not.toHaveProperty("HOME");
});

test(".env.example names every setting and no other", () => {
  const example = parseEnv(readFileSync(join(projectRoot, ".env.example"), "utf8"));
  expect(Object.keys(example).sort()).toEqual([...functionSettings].sort());
});
