import { setTimeout as pause } from "node:timers/promises";
import type { Delivery, KeptEvent, State } from "../state.ts";
import { snapshotOf, thinOf } from "./event-forms.ts";
import { sign } from "./sign.ts";

export interface Endpoint {
  url: string;
  secret: string;
}

export interface DeliveryMode {
  /** What an event must have in it, such as the id of a customer; an empty text is in all of them. */
  contains: string;
  mode: "deliver" | "hold" | "drop";
  /** How often each event is sent. */
  copies: number;
  /** The least and the longest time before the first attempt. */
  delayMs: [number, number];
}

const timeoutMs = 10_000;
const firstWaitMs = 1000;
const mostRetries = 8;

/** Sends events to the endpoints, signed, as the mode says; an attempt that fails is repeated after doubling waits. */
export function createDeliveries({
  state,
  endpoints,
  changed,
}: {
  state: State;
  endpoints: Partial<Record<Delivery["endpoint"], Endpoint>>;
  changed: () => void;
}) {
  const names = Object.keys(endpoints) as Delivery["endpoint"][];
  const stopping = new AbortController();
  const running = new Map<Promise<unknown>, KeptEvent>();
  let modes: DeliveryMode[] = [{ contains: "", mode: "deliver", copies: 1, delayMs: [0, 0] }];
  return {
    deliver,
    resume,
    sendNow,
    settled,
    /** Sets how events are delivered from now on; of several modes that fit one, the last that was set counts. */
    setMode(mode: DeliveryMode) {
      modes = [...modes.filter(({ contains }) => contains !== mode.contains), mode];
    },
    async stop() {
      stopping.abort();
      await settled("");
    },
  };

  /** Begins the deliveries of a new event. */
  function deliver(kept: KeptEvent): void {
    const { mode, copies, delayMs } = modes.findLast(({ contains }) => isIn(kept, contains)) as DeliveryMode;
    const [least, longest] = delayMs;
    for (const delivery of open(kept, copies)) {
      if (mode === "deliver") track(kept, pursue(kept, delivery, least + Math.random() * (longest - least)));
      else delivery.state = mode === "hold" ? "held" : "dropped";
    }
  }

  /** Goes on with what had not arrived when the state was saved. */
  function resume(): void {
    for (const kept of state.events.values())
      for (const delivery of kept.deliveries)
        if (delivery.state === "waiting") track(kept, pursue(kept, delivery, 0));
  }

  /**
   * Sends these events once more, whatever the mode: held deliveries are let go, others get new copies. Resolves to the outcomes of the
   * first attempts.
   */
  async function sendNow(events: KeptEvent[], { inOrder, copies }: { inOrder: boolean; copies: number }) {
    const outcomes: { event: string; endpoint: string; outcome: number | string }[] = [];
    const all = events.flatMap((kept) => {
      const held = kept.deliveries.filter((delivery) => delivery.state === "held");
      const count = copies - held.length / Math.max(1, names.length);
      return [...held, ...open(kept, count)].map((delivery) => ({ kept, delivery }));
    });
    const sendOne = async ({ kept, delivery }: (typeof all)[number]) => {
      delivery.state = "waiting";
      const outcome = await track(kept, attempt(kept, delivery));
      outcomes.push({ event: kept.event.id, endpoint: delivery.endpoint, outcome });
      if (delivery.state === "waiting") track(kept, pursue(kept, delivery, firstWaitMs));
    };
    if (inOrder) for (const each of all) await sendOne(each);
    else await Promise.all(all.map(sendOne));
    return outcomes;
  }

  function open(kept: KeptEvent, copies: number): Delivery[] {
    const opened = Array.from({ length: Math.max(0, copies) }).flatMap(() =>
      names.map((endpoint): Delivery => ({ endpoint, state: "waiting", attempts: [] })),
    );
    kept.deliveries.push(...opened);
    return opened;
  }

  async function pursue(kept: KeptEvent, delivery: Delivery, delayMs: number): Promise<void> {
    let waitMs = delayMs;
    while (delivery.state === "waiting") {
      // Also with nothing to wait for: the work that sends the event is finished first.
      await pause(waitMs, undefined, { signal: stopping.signal });
      await attempt(kept, delivery);
      waitMs = firstWaitMs * 2 ** (delivery.attempts.length - 1);
    }
  }

  async function attempt(kept: KeptEvent, delivery: Delivery): Promise<number | string> {
    const endpoint = endpoints[delivery.endpoint];
    if (!endpoint) return "no endpoint";
    const body = JSON.stringify(delivery.endpoint === "thin" ? thinOf(kept) : snapshotOf(kept));
    const at = new Date();
    const outcome = await post(endpoint, body, Math.floor(at.getTime() / 1000));
    // What was cut off by the end begins anew with the next start.
    if (stopping.signal.aborted) return outcome;
    delivery.attempts.push({ at: at.toISOString(), outcome });
    if (typeof outcome === "number" && outcome >= 200 && outcome < 300) delivery.state = "delivered";
    else if (delivery.attempts.length > mostRetries) delivery.state = "failed";
    changed();
    return outcome;
  }

  /** The status that the endpoint answers, or why it does not. */
  async function post({ url, secret }: Endpoint, body: string, time: number): Promise<number | string> {
    try {
      const response = await fetch(url, {
        method: "POST",
        headers: { "content-type": "application/json", "stripe-signature": sign(body, secret, time) },
        body,
        // Stripe follows no redirect either.
        redirect: "manual",
        signal: AbortSignal.any([stopping.signal, AbortSignal.timeout(timeoutMs)]),
      });
      await response.arrayBuffer();
      return response.status;
    } catch (error) {
      const { message, cause } = error as Error;
      return cause instanceof Error ? cause.message : message;
    }
  }

  /** Resolves when nothing is being sent, or waits to be sent again, of the events that have this text in them. */
  async function settled(contains: string): Promise<void> {
    const list = () => [...running].flatMap(([work, kept]) => (isIn(kept, contains) ? [work] : []));
    for (let left = list(); left.length > 0; left = list()) await Promise.allSettled(left);
  }

  function track<Result>(kept: KeptEvent, work: Promise<Result>): Promise<Result> {
    running.set(work, kept);
    // What the end cuts off is nobody's error.
    work.catch(() => {}).finally(() => running.delete(work));
    return work;
  }
}

/** Whether an event has a text in it. */
export function isIn({ event }: KeptEvent, text: string): boolean {
  return text === "" || JSON.stringify(event).includes(text);
}
