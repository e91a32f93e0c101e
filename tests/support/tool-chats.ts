import type { ToolCall } from "../../shared/domain/chat-message.ts";

/** Two tools that an app declares. */
export const tools = ["look", "wait"].map((name) => ({
  name,
  description: `May ${name}.`,
  parameters: {
    type: "object",
    properties: { city: { type: "string" }, days: { type: "integer" } },
    required: ["city"],
  },
}));

/** Results of calls, as an app sends them. */
export function resultsOf(calls: ToolCall[], marker: string) {
  return calls.map(({ id, name }) => ({ role: "tool", toolCallId: id, content: `${name}: ${marker}` }));
}
