import { type ClientOptions, OpenAI } from "openai";
import { inject } from "vitest";
import type { writeBill } from "../../shared/http/openai/bill.ts";
import type { Database } from "./open-database.ts";
import type { Caller } from "./people.ts";

/** What our answers have beyond OpenAI's. */
export interface Extras {
  sluice?: ReturnType<typeof writeBill>;
}

/** Where OpenAI's clients find `ai-chat`. */
export function openaiBaseUrl(url = `${inject("stack").apiUrl}/functions/v1/ai-chat`): string {
  return `${url}/v1`;
}

/** The official client, with nothing changed but its address and its key. It does not repeat what fails, unless told to. */
export function connectOpenAI({ token }: { token: string }, options: ClientOptions = {}): OpenAI {
  return new OpenAI({ apiKey: token, baseURL: openaiBaseUrl(), maxRetries: 0, ...options });
}

/** Has somebody's one model take these parameters besides the usual ones, in the catalogue's words. */
export async function allowParameters(sql: Database, { modelId }: Caller, names: string[]): Promise<void> {
  await sql`
    update private.models set supported_parameters = supported_parameters || ${names}::text[] where id = ${modelId}`;
}
