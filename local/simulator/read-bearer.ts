import type { IncomingHttpHeaders } from "node:http";

/** The key of an `Authorization: Bearer` header; empty without one. */
export function readBearer(headers: IncomingHttpHeaders): string {
  return /^Bearer +(\S+)$/i.exec(headers.authorization ?? "")?.[1] ?? "";
}
