/**
 * The outcome of some work, unless it takes too long. The work itself goes on.
 * @throws what `createError` makes, after `ms` milliseconds
 */
export async function within<Value>(
  ms: number,
  work: Promise<Value>,
  createError: () => Error,
): Promise<Value> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(createError()), ms);
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}
