interface BatcherOptions<Item, Result> {
  /** Sends items in one call; the results in the same order. */
  send(items: Item[]): Promise<Result[]>;
  /** The most items of one call. */
  maxItems: number;
  /** About how long an item is on the wire. A call holds about a mebibyte, and at least one item. */
  countUnits(item: Item): number;
  /** Whether a failed batch may be taken apart and sent again, item by item. */
  isItemFault(error: unknown): boolean;
}

/**
 * A call that is out for longer, because the database hangs or one caller is locked, holds up those who come after it no more.
 * With the timeout of a call it stays below the 5 s after which a caller is told that the service is away.
 */
const patienceMs = 500;
/** UTF-16 units. Sixty-four long answers in one call would not be stored before it times out. */
const maxUnits = 1024 * 1024;

/** Sends one item; shares the call with what else arrives while an earlier call is on its way. */
export type SendBatched<Item, Result> = (item: Item) => Promise<Result>;

/**
 * A group commit over HTTP: an item leaves at once when no call is in flight; those that arrive meanwhile leave together when
 * it returns, or after half a second. Nobody waits on a timer otherwise, and under load the round trips are shared.
 * An item that fails does not fail its neighbours: a batch that was refused because of its content goes again in halves,
 * until the item at fault is alone.
 */
export function createBatcher<Item, Result>({
  send,
  maxItems,
  countUnits,
  isItemFault,
}: BatcherOptions<Item, Result>): SendBatched<Item, Result> {
  interface Waiting {
    item: Item;
    resolve(result: Result): void;
    reject(error: unknown): void;
  }
  let queue: Waiting[] = [];
  let inFlight = false;

  async function drain(): Promise<void> {
    inFlight = true;
    while (queue.length > 0) {
      const batch = takeBatch();
      await withPatience(sendTogether(batch));
    }
    inFlight = false;
  }

  function takeBatch(): Waiting[] {
    let count = 0;
    let units = 0;
    for (const { item } of queue.slice(0, maxItems)) {
      units += countUnits(item);
      if (count > 0 && units > maxUnits) break;
      count++;
    }
    const batch = queue.slice(0, count);
    queue = queue.slice(count);
    return batch;
  }

  async function withPatience(sending: Promise<void>): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, patienceMs);
    await Promise.race([sending, promise]);
    clearTimeout(timer);
  }

  async function sendTogether(batch: Waiting[]): Promise<void> {
    try {
      const results = await send(batch.map(({ item }) => item));
      batch.forEach((waiting, index) => {
        waiting.resolve(results[index] as Result);
      });
    } catch (error) {
      if (batch.length > 1 && isItemFault(error)) {
        const half = Math.ceil(batch.length / 2);
        await sendTogether(batch.slice(0, half));
        await sendTogether(batch.slice(half));
      } else for (const waiting of batch) waiting.reject(error);
    }
  }

  return (item) =>
    new Promise((resolve, reject) => {
      queue.push({ item, resolve, reject });
      // The items of one tick go together.
      if (!inFlight) {
        inFlight = true;
        queueMicrotask(drain);
      }
    });
}
