import { createAnthropicProvider } from "../../../shared/providers/anthropic.ts";
import { createGoogleProvider } from "../../../shared/providers/google.ts";
import { createOpenAIProvider } from "../../../shared/providers/openai.ts";
import { fixtures as anthropic } from "./anthropic-fixtures.ts";
import { describeAdapter } from "./contract.ts";
import { fixtures as google } from "./google-fixtures.ts";
import { fixtures as openai } from "./openai-fixtures.ts";

describeAdapter({ name: "anthropic", create: createAnthropicProvider, fixtures: anthropic });
describeAdapter({ name: "google", create: createGoogleProvider, fixtures: google });
describeAdapter({ name: "openai", create: createOpenAIProvider, fixtures: openai });
