import { getEventListeners } from "node:events";
import type { RequestListener } from "node:http";
import { text } from "node:stream/consumers";
import { describe, expect, test, vi } from "vitest";
import {
  createPublicFetch,
  PrivateAddressError,
  type PublicFetchOptions,
} from "../../../shared/providers/public-address.ts";
import { startServer } from "../start-server.ts";
import { eachOf, privateHosts, unfitAddresses } from "./user-addresses.ts";

const publicIp = "93.184.215.14";

/** A fetch whose requests all end at a real server of this machine, whoever they are to, and what was looked up and asked. */
async function startFetch({
  resolveHost = async () => [publicIp],
  listener = (_request, response) => response.end("hello"),
}: Partial<PublicFetchOptions> & { listener?: RequestListener } = {}) {
  const server = await startServer(listener);
  const lookUp = vi.fn(resolveHost);
  const asked: string[] = [];
  const ask = createPublicFetch({
    fetch: (input, init) => {
      const request = input instanceof Request ? input : null;
      const { href, pathname, search } = new URL(request?.url ?? String(input));
      asked.push(href);
      const there = `${server}${pathname}${search}`;
      return fetch(request ? new Request(there, request) : there, init);
    },
    resolveHost: lookUp,
  });
  return { ask, lookUp, asked };
}

/** The error that a request is refused with. */
async function refusalOf(answer: Promise<Response>): Promise<PrivateAddressError> {
  const error: unknown = await answer.catch((thrown: unknown) => thrown);
  if (error instanceof PrivateAddressError) return error;
  throw new Error("it was not refused", { cause: error });
}

describe("a request is refused, without a look-up and in words that do not repeat it, to", () => {
  test.each([
    ...eachOf(privateHosts).map(([kind, host]): [string, string] => [kind, `https://${host}/v1`]),
    ...eachOf(unfitAddresses),
  ])("%s: %j", async (_kind, address) => {
    const { ask, lookUp, asked } = await startFetch();
    const error = await refusalOf(ask(address));
    expect(`${error}`).toBe("PrivateAddressError: the address does not lead to a public host over https");
    expect(error.cause).toBeUndefined();
    expect([lookUp.mock.calls, asked]).toEqual([[], []]);
  });
});

describe("a request is refused to a name that has", () => {
  test.each([
    ["no address", []],
    ["a private address", ["10.0.0.7"]],
    ["an address of this machine", ["127.0.0.1"]],
    ["a private address behind a public one", [publicIp, "192.168.1.1"]],
    ["a private address before a public one", ["169.254.169.254", publicIp]],
    ["a private IPv6 address beside a public IPv4 one", [publicIp, "fd00:ec2::254"]],
    ["a mapped address", ["::ffff:10.0.0.7"]],
    ["an address of a link, with its zone", ["fe80::1%eth0"]],
    ["an address that NAT64 makes of a private one", ["64:ff9b::a00:7"]],
    ["an address that is none", [publicIp, "localhost"]],
    ["an empty address", [""]],
  ])("%s", async (_what, addresses) => {
    const { ask, lookUp, asked } = await startFetch({ resolveHost: async () => addresses });
    const error = await refusalOf(ask("https://llm.example.com:8443/v1/models"));
    expect(error.message).toBe("the address does not lead to a public host over https");
    expect(lookUp.mock.calls).toEqual([["llm.example.com"]]);
    expect(asked).toEqual([]);
  });
});

test("a name that was public at the first request and is private at the second is refused then", async () => {
  const answers = [[publicIp], ["127.0.0.1"], [publicIp, "2606:4700::1"]];
  const { ask, asked } = await startFetch({ resolveHost: async () => answers.shift() ?? [] });
  expect(await (await ask("https://llm.example.com/1")).text()).toBe("hello");
  await refusalOf(ask("https://llm.example.com/2"));
  expect(await (await ask("https://llm.example.com/3")).text()).toBe("hello");
  await refusalOf(ask("https://llm.example.com/4"));
  expect(asked).toEqual(["https://llm.example.com/1", "https://llm.example.com/3"]);
});

test.each([
  ["rejects", () => Promise.reject(new Error("ENOTFOUND llm.example.com"))],
  [
    "throws",
    () => {
      throw new Error("ENOTFOUND llm.example.com");
    },
  ],
])(
  "a look-up that %s counts as no address, and what it said is for the log alone",
  async (_how, resolveHost) => {
    const { ask, asked } = await startFetch({ resolveHost });
    const error = await refusalOf(ask("https://llm.example.com/v1"));
    expect(error.message).not.toContain("llm.example.com");
    expect(error.cause).toEqual(new Error("ENOTFOUND llm.example.com"));
    expect(asked).toEqual([]);
  },
);

test.each(["https://8.8.8.8/v1", "https://[2606:4700::1111]:8443/v1"])(
  "a public IP address is asked without a look-up: %s",
  async (address) => {
    const { ask, lookUp, asked } = await startFetch();
    expect((await ask(address)).status).toBe(200);
    expect([lookUp.mock.calls, asked]).toEqual([[], [address]]);
  },
);

test("a request arrives whole, whichever way it is given", async () => {
  const arrived: unknown[] = [];
  const { ask } = await startFetch({
    listener: async (request, response) => {
      const { method, url, headers } = request;
      arrived.push([method, url, headers["x-api-key"], await text(request)]);
      response.end();
    },
  });
  const address = "https://llm.example.com/v1/chat?alt=sse";
  const request = { method: "POST", headers: { "x-api-key": "sk-test" }, body: "{}" };
  await ask(address, request);
  await ask(new URL(address), request);
  await ask(new Request(address, request));
  await ask(new Request(address), request);
  expect(arrived).toEqual(Array(4).fill(["POST", "/v1/chat?alt=sse", "sk-test", "{}"]));
});

test("an address that is changed while its name is looked up is asked as it was", async () => {
  const url = new URL("https://llm.example.com/v1");
  const resolveHost = async () => {
    url.hostname = "127.0.0.1";
    return [publicIp];
  };
  const { ask, asked } = await startFetch({ resolveHost });
  await ask(url);
  expect(asked).toEqual(["https://llm.example.com/v1"]);
});

describe("a redirect is an error and is not followed", () => {
  const address = "https://llm.example.com/v1";
  test.each([
    ["by default", (ask: typeof fetch) => ask(address)],
    ["where the caller would", (ask: typeof fetch) => ask(address, { redirect: "follow" })],
    ["where the request would", (ask: typeof fetch) => ask(new Request(address, { redirect: "follow" }))],
    ["where the caller would look at it", (ask: typeof fetch) => ask(address, { redirect: "manual" })],
  ])("%s", async (_when, send) => {
    const visited: unknown[] = [];
    const { ask } = await startFetch({
      listener: (request, response) => {
        visited.push(request.url);
        response.writeHead(request.url === "/v1" ? 302 : 200, { location: "/elsewhere" }).end();
      },
    });
    await expect(send(ask)).rejects.toThrow(TypeError);
    expect(visited).toEqual(["/v1"]);
  });
});

describe("a signal", () => {
  const reason = new Error("it took too long");
  const address = "https://llm.example.com/v1";
  test.each([
    ["of the call", (ask: typeof fetch, signal: AbortSignal) => ask(address, { signal })],
    ["of the request", (ask: typeof fetch, signal: AbortSignal) => ask(new Request(address, { signal }))],
  ])(
    "%s ends the wait for a look-up, and nothing is asked when that ends after all",
    async (_whose, send) => {
      const resolved = Promise.withResolvers<string[]>();
      const controller = new AbortController();
      const { ask, lookUp, asked } = await startFetch({ resolveHost: () => resolved.promise });
      const answer = send(ask, controller.signal);
      await vi.waitFor(() => expect(lookUp).toHaveBeenCalled());
      controller.abort(reason);
      await expect(answer).rejects.toBe(reason);
      resolved.resolve([publicIp]);
      await resolved.promise;
      expect(asked).toEqual([]);
    },
  );

  test("that has aborted already spares the look-up", async () => {
    const { ask, lookUp } = await startFetch();
    await expect(ask(address, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(lookUp).not.toHaveBeenCalled();
  });

  test("ends the request itself as well, and keeps nothing of one that is over", async () => {
    const controller = new AbortController();
    const { ask } = await startFetch({ listener: () => controller.abort(reason) });
    await expect(ask(address, { signal: controller.signal })).rejects.toBe(reason);
    expect(getEventListeners(controller.signal, "abort")).toEqual([]);
  });
});
