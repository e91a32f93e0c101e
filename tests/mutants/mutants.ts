import { billingMutants } from "./billing-mutants.ts";
import { catalogueMutants } from "./catalogue-mutants.ts";
import { holdingMutants } from "./holding-mutants.ts";
import { keyMutants } from "./key-mutants.ts";
import type { Mutant } from "./mutant.ts";
import { settlementMutants } from "./settlement-mutants.ts";

/** Bugs that cost somebody money, or deny or show somebody what is not theirs, each of which some test notices. */
export const mutants: Mutant[] = [
  ...holdingMutants,
  ...settlementMutants,
  ...catalogueMutants,
  ...keyMutants,
  ...billingMutants,
];
