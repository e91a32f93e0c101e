import { billingMutants } from "./billing-mutants.ts";
import { holdingMutants } from "./holding-mutants.ts";
import type { Mutant } from "./mutant.ts";

/** Bugs that cost somebody money or deny somebody what is theirs, each of which some test notices. */
export const mutants: Mutant[] = [...holdingMutants, ...billingMutants];
