import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseEnv } from "node:util";
import { projectRoot } from "./project.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

interface ProviderSettings {
  /** The start of the names of its settings: `<prefix>_API_KEY` and `<prefix>_BASE_URL`. */
  prefix: string;
  words: string;
  /** Where the simulator speaks its format; those without are there only if they are set. */
  simulatorPath?: string;
}

const providers: ProviderSettings[] = [
  { prefix: "OPENAI", words: "OpenAI", simulatorPath: "/openai/v1" },
  { prefix: "ANTHROPIC", words: "Anthropic", simulatorPath: "/anthropic" },
  { prefix: "GOOGLE", words: "Google", simulatorPath: "/google" },
  { prefix: "OPENROUTER", words: "OpenRouter", simulatorPath: "/openrouter/api/v1" },
  { prefix: "GLAMA", words: "Glama" },
  { prefix: "REQUESTY", words: "Requesty" },
  { prefix: "GROQ", words: "Groq" },
  { prefix: "DEEPSEEK", words: "DeepSeek" },
  { prefix: "MISTRAL", words: "Mistral" },
  { prefix: "XAI", words: "xAI" },
];

const compatibleProviders = "COMPATIBLE_PROVIDERS";

/**
 * The settings that a function gets from the environment or `.env`; `.env.example` describes each. Besides, it gets the keys of the
 * providers that COMPATIBLE_PROVIDERS names.
 */
export const functionSettings: readonly string[] = [
  ...providers.flatMap(({ prefix }) => [`${prefix}_API_KEY`, `${prefix}_BASE_URL`]),
  compatibleProviders,
  "BYOK_KEYS",
  "BYOK_FINGERPRINT_KEY",
  "DEPLOYMENT_MODE",
  "BYOK",
  "BYOK_BASE_URLS",
  "ALLOWED_ORIGINS",
  "CHAT_DEADLINE_MS",
  "CHAT_FIRST_TOKEN_MS",
  "CHAT_GAP_MS",
  "CHAT_HEARTBEAT_MS",
  "MODELS_FOR_VISITORS",
  "JOB_SECRET",
  "ALERT_WEBHOOK_URL",
  "ALERT_WEBHOOK_SECRET",
  "JWT_ISSUER",
  "STRIPE_SECRET_KEY",
  "STRIPE_API_URL",
  "STRIPE_WEBHOOK_SECRETS",
  "BILLING_RETURN_URLS",
];

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
 * Chooses what functions are given: their settings that are set, and the providers, each of which is the simulator unless an address or
 * a key says otherwise. An address without a key of its own gets one that is worth nothing. `provider` says in words who answers. An
 * empty setting counts as none.
 */
export function chooseSettings(
  environment: Environment,
  simulatorUrl: string,
): { settings: Record<string, string>; provider: string } {
  const settings: Record<string, string> = {};
  const names = listNames(environment[compatibleProviders] ?? "");
  const keys = names.map((name) => `${name.toUpperCase().replaceAll("-", "_")}_API_KEY`);
  for (const name of [...functionSettings, ...keys]) {
    const value = environment[name];
    if (value) settings[name] = value;
  }
  for (const key of keys) settings[key] ??= simulatorKey;
  const answering = names.map((name) => `${name}, from ${compatibleProviders}`);
  let isSimulated = false;
  for (const { prefix, words, simulatorPath } of providers) {
    const [key, baseUrl] = [`${prefix}_API_KEY`, `${prefix}_BASE_URL`];
    if (settings[baseUrl]) {
      settings[key] ??= simulatorKey;
      answering.push(`${settings[baseUrl]}, from ${baseUrl}`);
    } else if (settings[key]) {
      answering.push(`${words}, from ${key}`);
    } else if (simulatorPath !== undefined) {
      settings[key] = simulatorKey;
      settings[baseUrl] = `${simulatorUrl}${simulatorPath}`;
      isSimulated = true;
    }
  }
  if (answering.length === 0) return { settings, provider: "simulator" };
  const others = isSimulated ? ["the others from the simulator"] : [];
  return { settings, provider: [...answering, ...others].join("; ") };
}

/** The names of a list `name=address, …`. What is wrong with it is told by the functions. */
function listNames(list: string): string[] {
  return [...list.matchAll(/(?:^|,)\s*([a-z][a-z0-9-]*)\s*=/g)].map(([, name]) => name as string);
}

const simulatorKey = "sk-simulator";
