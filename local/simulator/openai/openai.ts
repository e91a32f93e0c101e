import { InvalidRequest } from "../invalid-request.ts";
import { parseObject } from "../is-object.ts";
import { readBearer } from "../read-bearer.ts";
import type { Answer, WireFormat } from "../wire-format.ts";
import { readEmbeddings } from "./embeddings.ts";
import { invalidKey, invalidRequest, openaiError, refuseOpenai } from "./errors.ts";
import { readChat } from "./read-chat.ts";
import { writeOpenaiReply } from "./write-reply.ts";

const modelIds = [
  ...["gpt-4.1", "gpt-4.1-mini", "gpt-4.1-nano", "gpt-4o", "gpt-4o-mini", "o4-mini"],
  ...["text-embedding-3-large", "text-embedding-3-small"],
];

/** OpenAI's chat completions and embeddings, and what services that are compatible with it add. */
export const openai: WireFormat = {
  name: "openai",
  basePath: "/openai/v1",
  idPrefix: "chatcmpl-",
  readKey: readBearer,
  authorize({ headers }) {
    const key = readBearer(headers);
    return key === "" || key.startsWith("sk-invalid") ? invalidKey(key) : null;
  },
  read({ method, path, body }) {
    const asked = `${method} ${path}`;
    if (asked === "GET /models") return listModels();
    const isChat = asked === "POST /chat/completions";
    if (!isChat && asked !== "POST /embeddings")
      return openaiError(404, "invalid_request_error", null, `Invalid URL (${method} /v1${path})`);
    try {
      const request = parseObject(body);
      if (request === null) throw new InvalidRequest(unreadable);
      if (typeof request.model !== "string" || request.model === "" || request.model.startsWith(";"))
        throw new InvalidRequest("you must provide a model parameter");
      if (!isChat) return readEmbeddings(request, request.model);
      const chat = readChat(request, request.model, /^(gpt-|chatgpt-|o\d)/.test(request.model));
      return { ...chat, write: (id, name, reply) => writeOpenaiReply(id, name, reply, request) };
    } catch (error) {
      if (!(error instanceof InvalidRequest)) throw error;
      return invalidRequest(error);
    }
  },
  refuse: refuseOpenai,
  refuseCommands: (message) => invalidRequest({ message, param: "model", code: "invalid_command" }),
};

const unreadable =
  "We could not parse the JSON body of your request. (HINT: This likely means you aren't using your HTTP library correctly. The OpenAI API expects a JSON payload, but what was sent was not valid JSON. If you have trouble figuring out how to fix this, please contact us through our help center at help.openai.com.)";

function listModels(): Answer {
  const data = modelIds.map((id) => ({ id, object: "model", created: 1_744_316_542, owned_by: "system" }));
  return {
    status: 200,
    headers: ["content-type", "application/json"],
    body: JSON.stringify({ object: "list", data }),
  };
}
