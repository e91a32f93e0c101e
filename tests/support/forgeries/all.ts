import { claimForgeries } from "./claims.ts";
import type { Forgery } from "./forge.ts";
import { keyForgeries } from "./keys.ts";
import { shapeForgeries } from "./shapes.ts";

/** What is shown in the place of a token and must be refused, each the same. */
export const forgeries: Forgery[] = [...claimForgeries, ...keyForgeries, ...shapeForgeries];
