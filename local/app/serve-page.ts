import { readdirSync, readFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { extname, join } from "node:path";
import { projectRoot } from "../project.ts";

const folder = join(projectRoot, "local", "app", "page");
const path = "/plans";

const contentTypes: Record<string, string> = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
};

const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "form-action 'none'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join("; ");

/**
 * Makes what serves the sample page at `/plans`, and the files beside it below that; nothing else. It says whether it has answered.
 * The page is told the publishable key, which everybody may know.
 */
export function createServePage(
  publishableKey: string,
): (request: IncomingMessage, response: ServerResponse) => boolean {
  const page = "index.html";
  const files = new Map([[path, page]]);
  for (const name of readdirSync(folder)) if (name !== page) files.set(`${path}/${name}`, name);

  return ({ method, url = "/" }, response) => {
    const name = files.get(url.replace(/\?.*$/s, ""));
    if (name === undefined || (method !== "GET" && method !== "HEAD")) return false;
    // At each request, so that a changed file is there when the page is loaded again.
    const text = readFileSync(join(folder, name), "utf8").replace("{{publishableKey}}", () => publishableKey);
    response.writeHead(200, {
      "content-type": contentTypes[extname(name)] ?? "application/octet-stream",
      "content-length": Buffer.byteLength(text),
      "content-security-policy": contentSecurityPolicy,
      "x-content-type-options": "nosniff",
      "referrer-policy": "no-referrer",
      "cache-control": "no-store",
    });
    response.end(text);
    return true;
  };
}
