import type { Measure } from "../measure.ts";
import { type Memory, watchMemory } from "../process-usage.ts";
import { type Column, mebibytes, tableHead, tableRow } from "../table.ts";
import { longest } from "../workloads.ts";
import type { Part } from "./part.ts";

interface Row {
  streams: string;
  memory: Memory;
}

const groups = 6;
const streamsPerGroup = 4;
/** How much the second half of the streams may take, as a multiple of the first, in which the collector of garbage finds its measure. */
const goalGrowth = 1.1;

const columns: readonly Column<Row>[] = [
  ["streams", 8, ({ streams }) => streams],
  ["MiB before", 10, ({ memory }) => mebibytes(memory.startBytes)],
  ["MiB peak", 8, ({ memory }) => mebibytes(memory.peakBytes)],
  ["MiB after", 9, ({ memory }) => mebibytes(memory.endBytes)],
];

export const longAnswer: Part = {
  name: "long-answer",
  title: `Memory of ai-chat while it streams answers of ${longest.tokens} chunks, one after another, in a process that has just been started.`,

  async run(measure) {
    console.log(tableHead(columns));
    const peaks: number[] = [];
    for (let group = 0; group < groups; group++) {
      const memory = await play(measure);
      peaks.push(memory.peakBytes);
      const first = group * streamsPerGroup + 1;
      console.log(tableRow(columns, { streams: `${first}–${first + streamsPerGroup - 1}`, memory }));
    }
    const half = groups / 2;
    return [
      {
        name: "ai-chat: peak of the second half of the long answers, times the first half's",
        figure: Math.max(...peaks.slice(half)) / Math.max(...peaks.slice(0, half)),
        decimals: 2,
        limit: "at most",
        value: goalGrowth,
      },
    ];
  },
};

async function play(measure: Measure): Promise<Memory> {
  const { freshAiChat } = measure.targets;
  const watch = watchMemory(freshAiChat.pid);
  await measure.stream(freshAiChat, { workload: longest, count: streamsPerGroup, atOnce: 1, spreadMs: 0 });
  return watch.stop();
}
