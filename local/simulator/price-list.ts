import { isObject } from "./is-object.ts";
import type { Usage } from "./reply.ts";

const decimals = 30;
const unitsPerNano = 10n ** BigInt(decimals - 9);

const priceNames = ["inputUsd", "cacheReadUsd", "cacheWriteUsd", "outputUsd"] as const;
type Price = Record<(typeof priceNames)[number], bigint>;

/** What the simulated providers charge, by model. */
export interface PriceList {
  /**
   * Takes `{ "<model>": { inputUsd, cacheReadUsd, cacheWriteUsd, outputUsd } }`, exact decimals as strings, in USD per token, for these
   * models. Throws RangeError, and changes nothing, for anything else.
   */
  set(prices: unknown): void;
  /** What a call costs in nano-USD, rounded up once. */
  billNano(model: string, usage: Usage): number;
}

// The list price of gpt-4o-mini.
const defaultPrice: Price = {
  inputUsd: readDecimal("0.00000015"),
  cacheReadUsd: readDecimal("0.000000075"),
  cacheWriteUsd: readDecimal("0.00000015"),
  outputUsd: readDecimal("0.0000006"),
};

export function createPriceList(): PriceList {
  const prices = new Map<string, Price>();
  return {
    set(given) {
      if (!isObject(given)) throw new RangeError("send an object of prices by model");
      const read = Object.entries(given).map(([model, price]) => [model, readPrice(model, price)] as const);
      for (const [model, price] of read) prices.set(model, price);
    },
    billNano(model, usage) {
      const price = prices.get(model) ?? defaultPrice;
      const units =
        BigInt(usage.inputTokens) * price.inputUsd +
        BigInt(usage.cacheReadTokens) * price.cacheReadUsd +
        BigInt(usage.cacheWriteTokens) * price.cacheWriteUsd +
        BigInt(usage.outputTokens) * price.outputUsd;
      return Number((units + unitsPerNano - 1n) / unitsPerNano);
    },
  };
}

function readPrice(model: string, given: unknown): Price {
  const price = isObject(given) ? given : {};
  const known: readonly string[] = priceNames;
  if (Object.keys(price).some((name) => !known.includes(name)))
    throw new RangeError(`the price of "${model}" has ${priceNames.join(", ")} and nothing else`);
  const [inputUsd, cacheReadUsd, cacheWriteUsd, outputUsd] = priceNames.map((name) =>
    readDecimal(price[name]),
  );
  return { inputUsd, cacheReadUsd, cacheWriteUsd, outputUsd } as Price;
}

function readDecimal(text: unknown): bigint {
  const [, whole, fraction = ""] =
    (typeof text === "string" && /^(\d{1,12})(?:\.(\d{1,30}))?$/.exec(text)) || [];
  if (whole === undefined)
    throw new RangeError(
      `a price is a decimal in a string, such as "0.00000015", and not ${JSON.stringify(text)}`,
    );
  return BigInt(whole + fraction.padEnd(decimals, "0"));
}

/** Nano-USD as USD. Of less than a million dollars JSON shows the exact decimal. */
export function inUsd(nano: number): number {
  return nano / 1e9;
}
