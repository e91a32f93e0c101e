import type { IncomingMessage, ServerResponse } from "node:http";
import { bearerToken } from "../api-keys.ts";
import { sendJson } from "../send-json.ts";
import { AuthError } from "./auth-error.ts";
import type { SignIn, SignInRequest } from "./sign-in.ts";

const maximumBytes = 64 * 1024;

/** Reads a request to the sign-in service, has it answered, and sends the answer. Never rejects. */
export async function serveSignIn(
  signIn: SignIn,
  request: IncomingMessage,
  response: ServerResponse,
  known: Pick<SignInRequest, "path" | "query" | "isAdmin">,
): Promise<void> {
  try {
    const body = await readJson(request);
    const bearer = bearerToken(request.headers);
    const answer = await signIn({ ...known, method: request.method ?? "GET", bearer, body });
    sendJson(response, answer.status, answer.body);
  } catch (error) {
    if (error instanceof AuthError) return sendJson(response, error.status, error);
    console.error("sign-in:", error);
    sendJson(response, 500, new AuthError(500, "unexpected_failure", "Internal Server Error"));
  }
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maximumBytes)
      throw new AuthError(413, "request_too_large", `The body has more than ${maximumBytes} bytes`);
    chunks.push(chunk);
  }
  if (bytes === 0) return undefined;
  try {
    return JSON.parse(Buffer.concat(chunks).toString());
  } catch {
    throw new AuthError(400, "bad_json", "Could not parse request body as JSON");
  }
}
