import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { type ApiRole, bearerToken, createKeyCheck } from "./api-keys.ts";
import { createServePage } from "./app/serve-page.ts";
import { serveSignIn } from "./auth/serve-sign-in.ts";
import type { SignIn } from "./auth/sign-in.ts";
import { answerPreflight } from "./cors.ts";
import type { Keys } from "./keys.ts";
import { createProxy } from "./proxy.ts";
import { sendJson } from "./send-json.ts";

export interface GatewayOptions {
  port: number;
  /** The port of each function, by its name. */
  functionPorts: ReadonlyMap<string, number>;
  postgrestPort: number;
  keys: Pick<Keys, "publishableKey" | "secretKey">;
  /** What stands for the roles of the two keys towards PostgREST. */
  roleTokens: Record<ApiRole, string>;
  signIn: SignIn;
}

/** Starts the HTTP front of the stack on 127.0.0.1, with the paths, keys and refusals of a Supabase project. */
export async function startGateway(options: GatewayOptions): Promise<{ stop(): Promise<void> }> {
  const { port, functionPorts, postgrestPort, roleTokens, signIn } = options;
  const roleOfKey = createKeyCheck(options.keys);
  const servePage = createServePage(options.keys.publishableKey);
  const proxy = createProxy((response) =>
    sendJson(
      response,
      503,
      { code: "UNAVAILABLE", message: "The service behind this path does not answer" },
      ["retry-after", "1"],
    ),
  );

  const server = createServer({ keepAliveTimeout: 65_000 }, (request, response) => {
    const url = request.url ?? "/";
    const [, service, rest = ""] = /^\/(functions|rest|auth)\/v1(?:\/(.*))?$/s.exec(url) ?? [];
    if (service === "functions") return callFunction(request, response, rest);
    if (request.method === "OPTIONS") return answerPreflight(request, response);
    if (service === "rest") return callPostgrest(request, response, rest);
    if (service === "auth") return callSignIn(request, response, rest);
    if (servePage(request, response)) return;
    sendJson(response, 404, { message: "no Route matched with those values" });
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return {
    async stop() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
      proxy.close();
    },
  };

  function callFunction(request: IncomingMessage, response: ServerResponse, rest: string): void {
    const name = /^[^/?]*/.exec(rest)?.[0] ?? "";
    const functionPort = functionPorts.get(name);
    if (functionPort !== undefined)
      proxy.forward(request, response, { port: functionPort, path: `/${rest}` });
    else sendJson(response, 404, { code: "NOT_FOUND", message: "Requested function was not found" });
  }

  function callPostgrest(request: IncomingMessage, response: ServerResponse, rest: string): void {
    const role = checkKey(request, response);
    if (role === undefined) return;
    const token = bearerToken(request.headers) ?? roleTokens[role];
    proxy.forward(request, response, {
      port: postgrestPort,
      path: `/${rest}`,
      replace: { authorization: `Bearer ${token}` },
    });
  }

  function callSignIn(request: IncomingMessage, response: ServerResponse, rest: string): void {
    const { pathname: path, searchParams: query } = new URL(rest, "http://local/");
    // Whoever checks tokens has no key.
    const isPublic = path.startsWith("/.well-known/");
    const role = isPublic ? "anon" : checkKey(request, response);
    if (role === undefined) return;
    void serveSignIn(signIn, request, response, {
      path: path.slice(1),
      query,
      isAdmin: role === "service_role",
    });
  }

  /** The role of the request's API key; without a known one the request is answered and undefined returned. */
  function checkKey(request: IncomingMessage, response: ServerResponse): ApiRole | undefined {
    const key = request.headers.apikey;
    const role = typeof key === "string" ? roleOfKey(key) : undefined;
    if (role === undefined)
      sendJson(
        response,
        401,
        key === undefined
          ? {
              message: "No API key found in request",
              hint: "Send the publishable or the secret key in the header apikey.",
            }
          : {
              message: "Invalid API key",
              hint: "Check the key in the header apikey against those that npm start prints.",
            },
      );
    return role;
  }
}
