// What ai-chat is compared with: the least that a function in front of a provider can do.
const address = `${Deno.env.get("OPENAI_BASE_URL")}/chat/completions`;
const headers = {
  authorization: `Bearer ${Deno.env.get("OPENAI_API_KEY")}`,
  "content-type": "application/json",
};

// biome-ignore lint/style/noDefaultExport: the form of an entry that `deno serve` runs.
export default {
  fetch: (request: Request) => fetch(address, { method: "POST", headers, body: request.body }),
};
