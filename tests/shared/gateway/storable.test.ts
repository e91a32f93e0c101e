import fc from "fast-check";
import { expect, test } from "vitest";
import { toStorable } from "../../../shared/gateway/storable.ts";

test("what a model writes can be stored in the length that it has", () => {
  const anything = fc
    .string({ unit: "binary" })
    .chain((text) =>
      fc.nat(text.length).map((at) => `${text.slice(0, at)}\u0000${text.slice(at)}`.slice(at % 3)),
    );
  fc.assert(
    fc.property(anything, fc.constantFrom("", "\uD83C", "\uDF0D"), (text, half) => {
      const stored = toStorable(text + half);
      expect(stored).toHaveLength((text + half).length);
      expect(stored.isWellFormed()).toBe(true);
      expect(stored).not.toContain("\u0000");
    }),
  );
});

test("what can be stored is stored as it is", () => {
  for (const text of ["", "Grüße 🌍", "\u0001\uFFFD"]) expect(toStorable(text)).toBe(text);
});
