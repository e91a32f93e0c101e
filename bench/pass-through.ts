// What ai-chat is compared with: the least that a function in front of a provider can do.
import { callSimulator } from "./call-simulator.ts";

// biome-ignore lint/style/noDefaultExport: the form of an entry that `deno serve` runs.
export default { fetch: callSimulator };
