// Arithmetic of amounts: whole numbers, exact.

export function sum(amounts: bigint[]): bigint {
  return amounts.reduce((total, amount) => total + amount, 0n);
}

export function lesser(one: bigint, other: bigint): bigint {
  return one < other ? one : other;
}

export function greatest(amounts: bigint[]): bigint {
  return amounts.toSorted((one, other) => (one < other ? 1 : -1))[0] ?? 0n;
}

/** Also for `reduce`. */
export function greater(one: bigint, other: bigint): bigint {
  return one < other ? other : one;
}

export function atLeastZero(amount: bigint): bigint {
  return amount < 0n ? 0n : amount;
}

/** Divides and rounds up; both are positive. */
export function ceilDivide(amount: bigint, by: bigint): bigint {
  return (amount + by - 1n) / by;
}

/** Pico-USD as nano-USD, rounded up. */
export function toNano(pico: bigint): bigint {
  return ceilDivide(pico, 1000n);
}

/** Milliseconds as microseconds. */
export function micros(at: number): bigint {
  return BigInt(at) * 1000n;
}
