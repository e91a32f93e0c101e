import { z } from "zod";
import type { Asked } from "./http.ts";

export const faultSchema = z.strictObject({
  /** What the path begins with. */
  path: z.string(),
  /** What the path, the query or the body has in it. */
  contains: z.string().default(""),
  method: z.enum(["GET", "POST", "DELETE"]).optional(),
  status: z.union([z.literal(429), z.literal(500), z.literal(503)]).optional(),
  delayMs: z.number().nonnegative().optional(),
  /** Nothing is ever answered. */
  hang: z.boolean().optional(),
  /** What is asked is done first: only its answer is lost. */
  after: z.boolean().optional(),
  /** How many calls it meets; without it, all. */
  times: z.number().int().positive().optional(),
});

export type Fault = z.infer<typeof faultSchema>;

/** Keeps the faults that calls are to meet; each call meets the first that fits. */
export function createFaults() {
  let faults: Fault[] = [];
  return {
    add: (fault: Fault) => void faults.push({ ...fault }),
    clear: () => {
      faults = [];
    },
    take({ method, path, query, body }: Asked): Fault | undefined {
      const fault = faults.find(
        (each) =>
          path.startsWith(each.path) &&
          (each.method ?? method) === method &&
          [path, query, body].some((text) => text.includes(each.contains)),
      );
      if (fault?.times !== undefined && --fault.times === 0) faults = faults.filter((each) => each !== fault);
      return fault;
    },
  };
}
