import { z } from "zod";

/** A provider's key as somebody hands it in. It is sent in a header, which takes nothing else; a blank within is a slip in copying. */
export const providerKey = z
  .string()
  .trim()
  .regex(/^[\x21-\x7e]{8,1000}$/, "must be 8 to 1000 letters, digits and signs of ASCII, without blanks");
