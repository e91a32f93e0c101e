// The load client: a process of its own, so that what it takes is not taken from the servers' event loops.
import { applyLoad, type Load } from "./load.ts";

process.on("message", async (load: Load) => process.send?.(await applyLoad(load)));
