import type { Measure } from "../measure.ts";
import type { Goal } from "../table.ts";

/** A part of a run: prints its figures as they come, and returns those that have goals. */
export interface Part {
  /** What it is called on the command line. */
  name: string;
  /** What is measured. */
  title: string;
  /** Takes so long that it runs only where it is named. */
  onlyByName?: boolean;
  run(measure: Measure): Promise<Goal[]>;
}
