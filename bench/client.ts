// The load client: a process of its own, so that what it takes is not taken from the servers' event loops.
import { applyLoad, type Load } from "./load.ts";
import { readStreams, type StreamLoad } from "./streams.ts";

process.on("message", async (load: Load | StreamLoad) =>
  process.send?.(await ("atOnce" in load ? readStreams(load) : applyLoad(load))),
);
