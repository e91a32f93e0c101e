import { SluiceError } from "../../shared/domain/errors.ts";

/** The SluiceError that a function throws. Anything else that it throws goes on; that it throws nothing is an error. */
export function thrownBy(act: () => unknown): SluiceError {
  try {
    act();
  } catch (thrown) {
    if (thrown instanceof SluiceError) return thrown;
    throw thrown;
  }
  throw new Error("nothing was thrown");
}

/** The SluiceError that a promise is rejected with. */
export async function rejectionOf(promise: Promise<unknown>): Promise<SluiceError> {
  const outcome = await promise.then(
    () => () => {},
    (thrown: unknown) => () => {
      throw thrown;
    },
  );
  return thrownBy(outcome);
}
