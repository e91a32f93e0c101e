import type Stripe from "stripe";

/** The version of the API whose shapes all objects have: the one that the client's package is made for. */
export const apiVersion: typeof Stripe.API_VERSION = "2026-10-28.endive";
