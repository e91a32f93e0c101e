const simulatorUrl = Deno.env.get("SIMULATOR_URL");
const key = Deno.env.get("API_KEY") ?? "";

/** What each provider wants beside the type of the body. */
const keyHeaders: Record<string, Record<string, string>> = {
  openai: { authorization: `Bearer ${key}` },
  anthropic: { "x-api-key": key, "anthropic-version": "2023-06-01" },
  google: { "x-goog-api-key": key },
};

/** Passes a request on to the provider that its path begins with. */
export function callSimulator(request: Request): Promise<Response> {
  const path = request.url.slice(request.url.indexOf("/", "http://".length));
  const provider = path.slice(1, path.indexOf("/", 1));
  const headers = { ...keyHeaders[provider], "content-type": "application/json" };
  return fetch(`${simulatorUrl}${path}`, { method: "POST", headers, body: request.body });
}
