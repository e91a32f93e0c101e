/** An address that was not asked, because it leads to no public host. The message names none: it may reach who gave it. */
export class PrivateAddressError extends Error {
  override readonly name = "PrivateAddressError";

  constructor(options?: ErrorOptions) {
    super("the address does not lead to a public host over https", options);
  }
}

/**
 * No public host has a name under these: top-level names of IANA's registry of special-use domain names, `arpa`, which is for infrastructure
 * (and has `home.arpa`), and `internal`, which ICANN keeps for private use.
 */
const reservedName = /\.(?:localhost|local|internal|test|example|invalid|onion|alt|arpa)$/;

/**
 * As certificates know names: ASCII and at least one dot, but none at the end. The last label has no digit at its start, so no spelling of
 * an IP address that a parser leaves alone passes for a name.
 */
const hostName = /^(?:[a-z\d](?:[a-z\d-]{0,61}[a-z\d])?\.)+[a-z][a-z\d-]{0,61}[a-z\d]$/;

/**
 * Where no public host is, by IANA's special-purpose address registries (RFC 6890, 8190 and successors) and its registry of IPv4 address
 * space. Anycast blocks that are reachable are here as well: no provider is in them.
 */
const specialIpv4 = readBlocks([
  "0.0.0.0/8", // this network
  "10.0.0.0/8", // private
  "100.64.0.0/10", // shared by the customers of a carrier
  "127.0.0.0/8", // loopback
  "169.254.0.0/16", // link-local, metadata of clouds
  "172.16.0.0/12", // private
  "192.0.0.0/24", // protocols
  "192.0.2.0/24", // documentation
  "192.31.196.0/24", // AS112
  "192.52.193.0/24", // AMT
  "192.88.99.0/24", // 6to4 relays
  "192.168.0.0/16", // private
  "192.175.48.0/24", // AS112
  "198.18.0.0/15", // benchmarks
  "198.51.100.0/24", // documentation
  "203.0.113.0/24", // documentation
  "224.0.0.0/4", // multicast
  "240.0.0.0/4", // reserved, broadcast
  // In no registry: what a machine of Azure finds there is Azure's own.
  "168.63.129.16/32",
]);

/** All that is public. Outside are loopback, link-local, private and multicast, and IPv4 as mapped, compatible or NAT64 addresses. */
const globalIpv6 = readBlocks(["2000::/3"]);

/** What is special within `globalIpv6`. */
const specialIpv6 = readBlocks([
  "2001::/23", // protocols: Teredo, benchmarks, ORCHID
  "2001:db8::/32", // documentation
  "2002::/16", // 6to4, which hides an IPv4 address
  "2620:4f:8000::/48", // AS112
  "3fff::/20", // documentation
]);

/** Whether an IP address is one of a public host. Anything that is no IP address is not, nor is IPv4 in any but its usual spelling. */
export function isPublicIp(text: string): boolean {
  const bits = readIp(text);
  if (bits === null) return false;
  if (bits.length === 32) return !isWithin(bits, specialIpv4);
  return isWithin(bits, globalIpv6) && !isWithin(bits, specialIpv6);
}

/**
 * An address that a user gives with a key of theirs: https, a public IP address or a name that may belong to a public host, without user,
 * query and fragment. What the name resolves to is not known yet: requests to it go through `createPublicFetch`.
 * @returns null where it is none
 */
export function parsePublicAddress(text: string): URL | null {
  const url = text.length <= 500 ? parseHttps(text) : null;
  // An empty query would swallow the path that is put behind it, and `search` does not tell it from none.
  if (url === null || /[?#]/.test(url.href)) return null;
  const ip = ipOf(url);
  return (ip === null ? isPublicName(url.hostname) : isPublicIp(ip)) ? url : null;
}

export interface PublicFetchOptions {
  fetch: typeof globalThis.fetch;
  /**
   * All A and AAAA addresses of a name. It has to ask where `fetch` asks: a name that means another host at home than it does outside would
   * pass as the one and be called as the other.
   */
  resolveHost(name: string): Promise<string[]>;
}

/**
 * A `fetch` for addresses that users give: to public hosts only, and without redirects, which would lead anywhere. The name is resolved before
 * every request.
 *
 * A name may be bound to a private address between our look-up and that of `fetch`. That gains nothing: only https is let through, and TLS
 * checks the certificate against the name before the request is sent. No byte of a key or a prompt reaches a host that is not that name's;
 * all that does is the opening of a handshake.
 * @returns a `fetch` that rejects with PrivateAddressError, or with the signal's reason where that aborts the look-up: it has no other time limit
 */
export function createPublicFetch({ fetch, resolveHost }: PublicFetchOptions): typeof globalThis.fetch {
  async function check(url: URL | null, signal: AbortSignal | null): Promise<void> {
    if (url === null) throw new PrivateAddressError();
    const ip = ipOf(url);
    if (ip === null && !isPublicName(url.hostname)) throw new PrivateAddressError();
    const addresses = ip === null ? await unlessAborted(signal, resolve(url.hostname)) : [ip];
    if (addresses.length === 0 || !addresses.every(isPublicIp)) throw new PrivateAddressError();
  }

  async function resolve(name: string): Promise<string[]> {
    try {
      return await resolveHost(name);
    } catch (cause) {
      throw new PrivateAddressError({ cause });
    }
  }

  return async (input, init) => {
    const request = input instanceof Request ? input : null;
    // The types of Deno and Node.js disagree about the members of init.
    const { signal: given } = (init ?? {}) as { signal?: AbortSignal | null };
    const signal = given ?? request?.signal ?? null;
    signal?.throwIfAborted();
    // A copy: whoever holds a URL could change it between look-up and request.
    const url = parseHttps(request?.url ?? String(input));
    await check(url, signal);
    return fetch(request ?? String(url), { ...init, redirect: "error" });
  };
}

function parseHttps(text: string): URL | null {
  const url = URL.canParse(text) ? new URL(text) : null;
  return url?.protocol === "https:" && !url.username && !url.password ? url : null;
}

/** The IP address that stands in the place of a host's name; null where there is a name. The parser has made usual spellings of all others. */
function ipOf({ hostname }: URL): string | null {
  if (hostname.startsWith("[")) return hostname.slice(1, -1);
  return /^[\d.]+$/.test(hostname) ? hostname : null;
}

function isPublicName(hostname: string): boolean {
  return hostName.test(hostname) && !reservedName.test(hostname);
}

/** The bits of an IP address, as 32 or 128 digits; null where it is none. A zone id makes it none: it says which link, so it is a local one. */
function readIp(text: string): string | null {
  const isIpv6 = text.includes(":");
  const address = `https://${isIpv6 ? `[${text}]` : text}`;
  if (!/^[\da-f:.]+$/i.test(text) || !URL.canParse(address)) return null;
  const { hostname } = new URL(address);
  if (!isIpv6) return hostname === text && /^[\d.]+$/.test(text) ? writeBits(text.split("."), 10, 8) : null;
  const [before = [], after = []] = hostname
    .slice(1, -1)
    .split("::")
    .map((part) => part.split(":").filter((group) => group !== ""));
  const zeros = new Array<string>(8 - before.length - after.length).fill("0");
  return writeBits([...before, ...zeros, ...after], 16, 16);
}

function writeBits(numbers: string[], radix: number, width: number): string {
  return numbers.map((number) => Number.parseInt(number, radix).toString(2).padStart(width, "0")).join("");
}

/** The bits that the addresses of each block begin with. */
function readBlocks(blocks: string[]): string[] {
  return blocks.map((block) => {
    const [address = "", length] = block.split("/");
    const bits = readIp(address);
    if (bits === null) throw new Error(`${block} is no block of addresses.`);
    return bits.slice(0, Number(length));
  });
}

function isWithin(bits: string, blocks: string[]): boolean {
  return blocks.some((prefix) => bits.startsWith(prefix));
}

/** The outcome of some work, unless the signal aborts. The work itself goes on. */
async function unlessAborted<Value>(signal: AbortSignal | null, work: Promise<Value>): Promise<Value> {
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal?.reason);
  signal?.addEventListener("abort", abort);
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal?.removeEventListener("abort", abort);
  }
}
