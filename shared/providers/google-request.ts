import type {
  Content,
  FunctionCallingConfigMode,
  FunctionDeclaration,
  GenerationConfig,
  Part,
} from "@google/genai/web";
import { type ChatMessage, type ContentPart, imagesOf } from "../domain/chat-message.ts";
import type { ChatOptions } from "../domain/chat-request.ts";
import { isSignature, unpackSignatures } from "./google-continuation.ts";
import { isThirdGeneration, thinkingConfigOf, type WireThinkingConfig } from "./google-model.ts";
import { parseObject } from "./google-wire.ts";
import type { ChatOutline, HarmlessOption, Limitations, ProviderRequest } from "./provider.ts";

/** The body of `generateContent`. The SDK has types for its members alone: it takes another shape than it sends. */
export interface WireRequest {
  contents: Content[];
  systemInstruction?: Content;
  tools?: { functionDeclarations: FunctionDeclaration[] }[];
  toolConfig?: { functionCallingConfig: WireToolChoice };
  generationConfig: Omit<GenerationConfig, "thinkingConfig"> & { thinkingConfig?: WireThinkingConfig };
}

interface WireToolChoice {
  mode: `${FunctionCallingConfigMode}`;
  allowedFunctionNames?: string[];
}

/** Stands in for the signature of a function call that another model made; Google documents it for this purpose. */
const foreignSignature = "skip_thought_signature_validator";

/** Before a history that the model begins: Gemini takes a function call only after something that the user said. */
const opening: Content = { role: "user", parts: [{ text: "Begin." }] };

export function buildBody(request: ProviderRequest): WireRequest {
  const { upstreamModel, messages, options } = request;
  const system = messages.flatMap(({ role, content }) =>
    role === "system" && typeof content === "string" ? [{ text: content }] : [],
  );
  return {
    contents: buildContents(messages, upstreamModel),
    ...(system.length === 0 ? {} : { systemInstruction: { parts: system } }),
    ...buildTools(options, upstreamModel),
    generationConfig: buildGenerationConfig(request),
  };
}

/** What of a chat Gemini, or a model of it, cannot do. */
export function findLimitations({ upstreamModel, messages, options }: ChatOutline): Limitations {
  const { tools, responseFormat, reasoningEffort = "none", parallelToolCalls } = options;
  const dropped: HarmlessOption[] = [];
  if (parallelToolCalls === false) dropped.push("parallelToolCalls");
  if (reasoningEffort !== "none" && thinkingConfigOf(upstreamModel, reasoningEffort) === undefined)
    dropped.push("reasoningEffort");
  // It answers 400 to GIFs, and before the third generation to JSON together with tools.
  if (messages.flatMap(imagesOf).some((url) => mimeTypeOf(url) === "image/gif"))
    return {
      dropped,
      refused: "messages",
      remedy: "messages: the model takes no GIF images: send PNG, JPEG or WebP.",
    };
  const isMixed = responseFormat !== undefined && tools !== undefined;
  return { dropped, refused: isMixed && !isThirdGeneration(upstreamModel) ? "options.responseFormat" : null };
}

function buildGenerationConfig({ upstreamModel, maxOutputTokens, options }: ProviderRequest) {
  const { temperature, topP, stop, seed, responseFormat, reasoningEffort } = options;
  const thinkingConfig = reasoningEffort && thinkingConfigOf(upstreamModel, reasoningEffort);
  const config: WireRequest["generationConfig"] = { maxOutputTokens };
  if (temperature !== undefined) config.temperature = temperature;
  if (topP !== undefined) config.topP = topP;
  if (stop !== undefined) config.stopSequences = stop;
  // It takes 32 bits.
  if (seed !== undefined) config.seed = seed % 2 ** 31;
  if (responseFormat !== undefined) config.responseMimeType = "application/json";
  if (responseFormat?.type === "json_schema") config.responseJsonSchema = responseFormat.schema;
  if (thinkingConfig !== undefined) config.thinkingConfig = thinkingConfig;
  return config;
}

function buildTools(
  { tools, toolChoice }: Pick<ChatOptions, "tools" | "toolChoice">,
  upstreamModel: string,
): Pick<WireRequest, "tools" | "toolConfig"> {
  if (tools === undefined) return {};
  const functionDeclarations = tools.map(({ name, description, parameters }) => ({
    name,
    ...(description === undefined ? {} : { description }),
    ...(parameters === undefined ? {} : { parametersJsonSchema: parameters }),
  }));
  // AUTO, but held to the schemas of the tools: https://ai.google.dev/gemini-api/docs/function-calling
  const isValidated = isThirdGeneration(upstreamModel) && tools.some(({ strict }) => strict);
  const choice = toWireToolChoice(toolChoice ?? "auto", isValidated);
  return { tools: [{ functionDeclarations }], toolConfig: { functionCallingConfig: choice } };
}

function toWireToolChoice(
  choice: NonNullable<ChatOptions["toolChoice"]>,
  isValidated: boolean,
): WireToolChoice {
  if (typeof choice === "object") return { mode: "ANY", allowedFunctionNames: [choice.name] };
  if (choice === "required") return { mode: "ANY" };
  if (choice === "none") return { mode: "NONE" };
  return { mode: isValidated ? "VALIDATED" : "AUTO" };
}

/** A call that was asked for, by its id: what its result has to name. */
type AskedCalls = Map<string, { name: string; order: number }>;

function buildContents(messages: ChatMessage[], upstreamModel: string): Content[] {
  const contents: Content[] = [];
  const asked: AskedCalls = new Map();
  for (const turn of groupByRole(messages)) {
    // Models before the third generation tell two calls of one function apart by their order alone.
    const ordered = turn.toSorted((a, b) => orderOf(a, asked) - orderOf(b, asked));
    const parts = ordered.flatMap((message) => buildParts(message, asked, upstreamModel));
    if (parts.length > 0) contents.push({ role: turn[0]?.role === "assistant" ? "model" : "user", parts });
  }
  if (contents[0]?.role === "model") contents.unshift(opening);
  return contents;
}

/** Messages of one role that follow each other, without the system's: results of parallel calls belong into one turn. */
function groupByRole(messages: ChatMessage[]): ChatMessage[][] {
  const turns: ChatMessage[][] = [];
  for (const message of messages) {
    if (message.role === "system") continue;
    const turn = turns.at(-1);
    if (turn?.[0]?.role === message.role) turn.push(message);
    else turns.push([message]);
  }
  return turns;
}

function orderOf(message: ChatMessage, asked: AskedCalls): number {
  return message.role === "tool" ? (asked.get(message.toolCallId)?.order ?? 0) : 0;
}

function buildParts(message: ChatMessage, asked: AskedCalls, upstreamModel: string): Part[] {
  if (message.role === "assistant") {
    const text = message.content === "" ? [] : [{ text: message.content }];
    return [...text, ...buildCalls(message, asked, upstreamModel)];
  }
  if (message.role === "tool") return [buildResult(message, asked, upstreamModel)];
  if (typeof message.content === "string") return [{ text: message.content }];
  return message.content.map(toWirePart);
}

function buildCalls(
  { toolCalls = [], continuation }: Extract<ChatMessage, { role: "assistant" }>,
  asked: AskedCalls,
  upstreamModel: string,
): Part[] {
  const isThird = isThirdGeneration(upstreamModel);
  const signatures = unpackSignatures(upstreamModel, continuation);
  return toolCalls.map(({ id, name, arguments: text }, index) => {
    asked.set(id, { name, order: asked.size });
    // Of parallel calls Gemini signs the first, and from the third generation on it refuses a turn without.
    const missing = isThird && index === 0 ? foreignSignature : undefined;
    const signature = isSignature(signatures[index]) ? signatures[index] : missing;
    return {
      functionCall: { ...(isThird ? { id } : {}), name, args: parseObject(text) ?? {} },
      ...(signature === undefined ? {} : { thoughtSignature: signature }),
    };
  });
}

function buildResult(
  { toolCallId, content }: Extract<ChatMessage, { role: "tool" }>,
  asked: AskedCalls,
  upstreamModel: string,
): Part {
  const call = asked.get(toolCallId);
  // The history was cut between the call and its result: a result without a call is refused, what it says is not.
  if (call === undefined) return { text: content };
  const id = isThirdGeneration(upstreamModel) ? { id: toolCallId } : {};
  return {
    functionResponse: { ...id, name: call.name, response: parseObject(content) ?? { output: content } },
  };
}

function toWirePart(part: ContentPart): Part {
  if (part.type === "text") return { text: part.text };
  const { url } = part;
  const mimeType = mimeTypeOf(url);
  // Public addresses are fetched by Google: https://ai.google.dev/gemini-api/docs/file-input-methods
  if (!url.startsWith("data:")) return { fileData: { mimeType, fileUri: url } };
  return { inlineData: { mimeType, data: url.slice(url.indexOf(",") + 1) } };
}

/** Of a `data:` URL what it says; of an address what its ending says, or else the most usual type: Gemini wants one named. */
function mimeTypeOf(url: string): string {
  if (url.startsWith("data:")) return url.slice("data:".length, url.indexOf(";"));
  const ending = /\.(png|webp|gif)$/i.exec(new URL(url).pathname)?.[1] ?? "jpeg";
  return `image/${ending.toLowerCase()}`;
}
