type Reference = string | { id: string };

/** The id of what Stripe gives as an id or, where that was asked for, whole; null for none. */
export function idOf(reference: Reference): string;
export function idOf(reference: Reference | null | undefined): string | null;
export function idOf(reference: Reference | null | undefined): string | null {
  return typeof reference === "string" ? reference : (reference?.id ?? null);
}
