import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseEnv } from "node:util";
import { projectRoot } from "./project.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** The settings that a function gets from the environment or `.env`; `.env.example` describes each. */
export const functionSettings = [
  "OPENAI_API_KEY",
  "OPENAI_BASE_URL",
  "ALLOWED_ORIGINS",
  "CHAT_DEADLINE_MS",
  "CHAT_FIRST_TOKEN_MS",
  "CHAT_GAP_MS",
  "CHAT_HEARTBEAT_MS",
  "JWT_ISSUER",
] as const;

/** The settings of `.env`, if there is one, and of this process, which win. */
export function readEnvironment(): Environment {
  let file = "";
  try {
    file = readFileSync(join(projectRoot, ".env"), "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  return { ...parseEnv(file), ...process.env };
}

/**
 * Chooses what functions are given: their settings that are set, and the provider, which is the simulator unless an address or
 * a key says otherwise. `provider` says which, in words. An empty setting counts as none.
 */
export function chooseSettings(
  environment: Environment,
  simulatorUrl: string,
): { settings: Record<string, string>; provider: string } {
  const settings: Record<string, string> = {};
  for (const name of functionSettings) {
    const value = environment[name];
    if (value) settings[name] = value;
  }
  const { OPENAI_API_KEY: key, OPENAI_BASE_URL: baseUrl } = settings;
  if (baseUrl) {
    settings.OPENAI_API_KEY ??= simulatorKey;
    return { settings, provider: `${baseUrl}, from OPENAI_BASE_URL` };
  }
  if (key) return { settings, provider: "OpenAI, from OPENAI_API_KEY" };
  return {
    settings: { ...settings, OPENAI_API_KEY: simulatorKey, OPENAI_BASE_URL: `${simulatorUrl}/openai/v1` },
    provider: "simulator",
  };
}

const simulatorKey = "sk-simulator";
