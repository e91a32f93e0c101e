import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseEnv } from "node:util";
import { expect, test } from "vitest";
import { projectRoot } from "../../local/project.ts";
import { chooseSettings, functionSettings } from "../../local/settings.ts";

const simulatorUrl = "http://127.0.0.1:9";

const simulated = {
  OPENAI_API_KEY: "sk-simulator",
  OPENAI_BASE_URL: "http://127.0.0.1:9/openai/v1",
  ANTHROPIC_API_KEY: "sk-simulator",
  ANTHROPIC_BASE_URL: "http://127.0.0.1:9/anthropic",
  GOOGLE_API_KEY: "sk-simulator",
  GOOGLE_BASE_URL: "http://127.0.0.1:9/google",
  OPENROUTER_API_KEY: "sk-simulator",
  OPENROUTER_BASE_URL: "http://127.0.0.1:9/openrouter/api/v1",
};

test("without a key or an address, or with empty ones, functions call the simulator", () => {
  for (const environment of [{}, { OPENAI_API_KEY: "", OPENAI_BASE_URL: "", COMPATIBLE_PROVIDERS: "" }]) {
    const { settings, provider } = chooseSettings(environment, simulatorUrl);
    expect(provider).toBe("simulator");
    expect(settings).toEqual(simulated);
  }
});

test("a key alone means the provider at its own address; the others stay with the simulator", () => {
  const { settings, provider } = chooseSettings({ OPENAI_API_KEY: "sk-mine" }, simulatorUrl);
  expect(provider).toBe("OpenAI, from OPENAI_API_KEY; the others from the simulator");
  const { OPENAI_BASE_URL: _, ...others } = simulated;
  expect(settings).toEqual({ ...others, OPENAI_API_KEY: "sk-mine" });
});

test("an address wins, and without a key of its own it gets none that is worth anything", () => {
  const OPENAI_BASE_URL = "http://localhost:8080/v1";
  const withKey = chooseSettings({ OPENAI_API_KEY: "sk-mine", OPENAI_BASE_URL }, simulatorUrl);
  expect(withKey.provider).toBe(
    "http://localhost:8080/v1, from OPENAI_BASE_URL; the others from the simulator",
  );
  expect(withKey.settings).toEqual({ ...simulated, OPENAI_API_KEY: "sk-mine", OPENAI_BASE_URL });
  const without = chooseSettings({ OPENAI_BASE_URL }, simulatorUrl);
  expect(without.settings).toEqual({ ...simulated, OPENAI_BASE_URL });
});

test("with keys for all that it stands for, the simulator has nothing to do", () => {
  const environment = {
    OPENAI_API_KEY: "sk-mine",
    ANTHROPIC_API_KEY: "sk-mine",
    GOOGLE_API_KEY: "mine",
    OPENROUTER_API_KEY: "sk-mine",
    GROQ_API_KEY: "gsk-mine",
  };
  const { settings, provider } = chooseSettings(environment, simulatorUrl);
  expect(settings).toEqual(environment);
  expect(provider).not.toContain("simulator");
  expect(provider).toContain("Groq, from GROQ_API_KEY");
});

test("services of one's own are passed on, with their keys", () => {
  const COMPATIBLE_PROVIDERS = "vllm=http://127.0.0.1:8000/v1, my-llm=https://llm.example.com/v1";
  const environment = { COMPATIBLE_PROVIDERS, MY_LLM_API_KEY: "mine", OTHER_API_KEY: "not theirs" };
  const { settings, provider } = chooseSettings(environment, simulatorUrl);
  expect(settings).toEqual({
    ...simulated,
    COMPATIBLE_PROVIDERS,
    VLLM_API_KEY: "sk-simulator",
    MY_LLM_API_KEY: "mine",
  });
  expect(provider).toBe(
    "vllm, from COMPATIBLE_PROVIDERS; my-llm, from COMPATIBLE_PROVIDERS; the others from the simulator",
  );
});

test("functions get their own settings and nothing else of the environment", () => {
  const { settings } = chooseSettings({ OPENAI_API_KEY: "sk-mine", HOME: "/home/me" }, simulatorUrl);
  expect(settings).not.toHaveProperty("HOME");
});

test(".env.example names every setting and no other", () => {
  const example = parseEnv(readFileSync(join(projectRoot, ".env.example"), "utf8"));
  expect(Object.keys(example).sort()).toEqual([...functionSettings].sort());
});
