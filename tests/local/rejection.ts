/** What a promise is rejected with; that it is not is an error. */
export function rejectionOf(promise: PromiseLike<unknown>): PromiseLike<unknown> {
  return promise.then(
    () => {
      throw new Error("nothing was thrown");
    },
    (reason: unknown) => reason,
  );
}
