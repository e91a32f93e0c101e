import { once } from "node:events";
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, inject, test } from "vitest";
import { startGateway } from "../../local/gateway.ts";
import { freePort } from "../../local/ports.ts";

const stack = inject("stack");

describe("in the running stack", () => {
  test("an unknown function is a 404 in JSON, which a browser may read", async () => {
    const response = await fetch(`${stack.apiUrl}/functions/v1/missing/path`);
    expect(response.status).toBe(404);
    expect(response.headers.get("access-control-allow-origin")).toBe("*");
    expect(await response.json()).toEqual({
      code: "NOT_FOUND",
      message: "Requested function was not found",
    });
  });

  test("a path of no service is a 404", async () => {
    expect((await fetch(`${stack.apiUrl}/storage/v1/object`)).status).toBe(404);
  });

  test.each(["rest/v1/profiles", "auth/v1/settings"])("%s needs a known key", async (path) => {
    const url = `${stack.apiUrl}/${path}`;
    const without = await fetch(url);
    expect(without.status).toBe(401);
    expect(await without.json()).toMatchObject({ message: "No API key found in request" });
    const unknown = await fetch(url, { headers: { apikey: "sb_secret_unknown" } });
    expect(unknown.status).toBe(401);
    expect(await unknown.json()).toMatchObject({ message: "Invalid API key" });
  });

  test("the keys that tokens are checked with need no key", async () => {
    const response = await fetch(`${stack.apiUrl}/auth/v1/.well-known/jwks.json`);
    const { keys } = (await response.json()) as { keys: Record<string, unknown>[] };
    expect(keys).toEqual([
      expect.objectContaining({ kty: "EC", crv: "P-256", alg: "ES256", kid: expect.any(String) }),
    ]);
    expect(keys[0]).not.toHaveProperty("d");
  });

  test("a browser may ask before it calls, and read the answer", async () => {
    const origin = "https://app.example.com";
    const preflight = await fetch(`${stack.apiUrl}/rest/v1/profiles`, {
      method: "OPTIONS",
      headers: { origin, "access-control-request-headers": "apikey,x-client-info" },
    });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get("access-control-allow-headers")).toBe("apikey,x-client-info");
    const answer = await fetch(`${stack.apiUrl}/rest/v1/profiles`, {
      headers: { origin, apikey: stack.publishableKey },
    });
    expect(answer.headers.get("access-control-allow-origin")).toBe("*");
  });

  test("the publishable key acts as anon, which reads no profile", async () => {
    const response = await fetch(`${stack.apiUrl}/rest/v1/profiles`, {
      headers: { apikey: stack.publishableKey },
    });
    expect(response.status).toBe(401);
    expect(await response.json()).toMatchObject({ code: "42501" });
  });
});

describe("towards the services behind it", () => {
  const keys = { publishableKey: "sb_publishable_test", secretKey: "sb_secret_test" };
  const roleTokens = { anon: "anon-token", service_role: "service-token" };
  const upstream = createServer((incoming, outgoing) => answer(incoming, outgoing));
  let answer: (incoming: IncomingMessage, outgoing: ServerResponse) => void;
  let url: string;
  let gateway: { stop(): Promise<void> };

  beforeAll(async () => {
    upstream.listen(0, "127.0.0.1");
    await once(upstream, "listening");
    const upstreamPort = (upstream.address() as AddressInfo).port;
    const port = await freePort();
    url = `http://127.0.0.1:${port}`;
    gateway = await startGateway({
      port,
      functionPorts: new Map([
        ["probe", upstreamPort],
        ["down", await freePort()],
      ]),
      postgrestPort: upstreamPort,
      keys,
      roleTokens,
      signIn: async () => ({ status: 200 }),
    });
  });

  beforeEach(() => {
    answer = (incoming, outgoing) =>
      outgoing.end(JSON.stringify({ url: incoming.url, headers: incoming.headers }));
  });

  afterAll(async () => {
    await gateway.stop();
    upstream.closeAllConnections();
    upstream.close();
  });

  async function ask(path: string, headers: Record<string, string> = {}) {
    const response = await fetch(url + path, { headers });
    return (await response.json()) as { url: string; headers: Record<string, string> };
  }

  test("each key stands for its role, and a user's token stands for the user", async () => {
    const path = "/rest/v1/models?select=id";
    const authorization = async (headers: Record<string, string>) => {
      const seen = await ask(path, headers);
      expect(seen.url).toBe("/models?select=id");
      return seen.headers.authorization;
    };
    const { publishableKey, secretKey } = keys;
    expect(await authorization({ apikey: publishableKey })).toBe("Bearer anon-token");
    expect(await authorization({ apikey: secretKey })).toBe("Bearer service-token");
    // supabase-js repeats its key as a token while nobody is signed in.
    expect(await authorization({ apikey: secretKey, authorization: `Bearer ${secretKey}` })).toBe(
      "Bearer service-token",
    );
    for (const apikey of [publishableKey, secretKey])
      expect(await authorization({ apikey, authorization: "Bearer user.token.signed" })).toBe(
        "Bearer user.token.signed",
      );
  });

  test("a function sees its own path, the headers it was sent, and who asked", async () => {
    const seen = await ask("/functions/v1/probe/conversations/1?limit=2", {
      authorization: "Bearer token",
      "x-forwarded-for": "192.0.2.1",
    });
    expect(seen.url).toBe("/probe/conversations/1?limit=2");
    expect(seen.headers).toMatchObject({
      authorization: "Bearer token",
      "x-forwarded-for": "192.0.2.1, 127.0.0.1",
      "x-forwarded-host": new URL(url).host,
      "x-forwarded-proto": "http",
    });
  });

  test("a stream is passed on as it comes", async () => {
    let outgoing: ServerResponse | undefined;
    answer = (_incoming, response) => {
      outgoing = response;
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.flushHeaders();
    };
    // Each of these resolves only if nothing waits for what has not been written yet.
    const response = await fetch(`${url}/functions/v1/probe`);
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    for (const chunk of ["data: 1\n\n", "data: 2\n\n"]) {
      outgoing?.write(chunk);
      const { value } = await reader.read();
      expect(new TextDecoder().decode(value)).toBe(chunk);
    }
    outgoing?.end();
    expect(await reader.read()).toMatchObject({ done: true });
  });

  test("an upload is passed on as it comes", async () => {
    const arrived: string[] = [];
    let onArrival = () => {};
    answer = (incoming, outgoing) => {
      incoming.on("data", (chunk: Buffer) => {
        arrived.push(chunk.toString());
        onArrival();
      });
      incoming.on("end", () => outgoing.end());
    };
    const upload = request(`${url}/functions/v1/probe`, { method: "POST" });
    for (const chunk of ["one", "two"]) {
      const arrival = new Promise<void>((resolve) => {
        onArrival = resolve;
      });
      upload.write(chunk);
      await arrival;
    }
    expect(arrived).toEqual(["one", "two"]);
    upload.end();
    const [response] = (await once(upload, "response")) as [IncomingMessage];
    expect(response.statusCode).toBe(200);
    response.resume();
  });

  test("a client that hangs up ends the request at the function", async () => {
    const hungUp = new Promise<void>((resolve) => {
      answer = (_incoming, outgoing) => {
        outgoing.write("data: 1\n\n");
        outgoing.once("close", resolve);
      };
    });
    const ending = new AbortController();
    const response = await fetch(`${url}/functions/v1/probe`, { signal: ending.signal });
    await response.body?.getReader().read();
    ending.abort();
    await hungUp;
  });

  test("an answer that breaks off is broken off for the client too", async () => {
    answer = (_incoming, outgoing) => {
      outgoing.write("data: 1\n\n", () => outgoing.destroy());
    };
    const response = await fetch(`${url}/functions/v1/probe`);
    await expect(response.text()).rejects.toThrow();
  });

  test("a body that is refused unread still gets its answer, and the connection lives on", async () => {
    answer = (_incoming, outgoing) => {
      outgoing.writeHead(413, { connection: "close" });
      outgoing.end("too large", () => outgoing.socket?.destroySoon());
    };
    for (let repetition = 0; repetition < 5; repetition += 1) {
      const response = await fetch(`${url}/functions/v1/probe`, {
        method: "POST",
        body: new Uint8Array(8 * 1024 * 1024),
      });
      expect(response.status).toBe(413);
      expect(await response.text()).toBe("too large");
    }
  });

  test("a function that is down is a 503 that says when to come back", async () => {
    const response = await fetch(`${url}/functions/v1/down`);
    expect(response.status).toBe(503);
    expect(response.headers.get("retry-after")).toBe("1");
    expect(await response.json()).toMatchObject({ code: "UNAVAILABLE" });
  });
});
