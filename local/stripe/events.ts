import type Stripe from "stripe";
import { apiVersion } from "./api-version.ts";
import type { Clock } from "./clock.ts";
import { newId } from "./new-id.ts";
import type { KeptEvent, State } from "./state.ts";

export type EventType = Stripe.Event["type"];
type ObjectOf<Type extends EventType> = Extract<Stripe.Event, { type: Type }>["data"]["object"];

/** Says that something happened to an object, which is copied as it is at this moment; `previous` has what its fields were. */
export type Emit = <Type extends EventType>(type: Type, object: ObjectOf<Type>, previous?: object) => void;

/** Which request is being answered: the events that it causes name it. Null while time alone is at work. */
export type Cause = Stripe.Event["request"];

/** Stripe itself keeps events for 30 days; this keeps the last ones. */
const mostEvents = 10_000;

/** Makes the function that keeps events and hands each to `deliver`. */
export function createEvents({
  state,
  clock,
  deliver,
}: {
  state: State;
  clock: Clock;
  deliver: (kept: KeptEvent) => void;
}) {
  let cause: Cause = null;
  const emit: Emit = (type, object, previous) => {
    send({ type, object, previous });
  };
  return { emit, send, during };

  function send(told: {
    type: string;
    object: object;
    previous?: object | undefined;
    livemode?: boolean | undefined;
    account?: string | undefined;
  }): KeptEvent {
    const event = {
      id: newId("evt"),
      object: "event",
      ...(told.account !== undefined && { account: told.account }),
      api_version: apiVersion,
      created: clock.now(),
      data: {
        object: structuredClone(told.object),
        ...(told.previous && { previous_attributes: structuredClone(told.previous) }),
      },
      livemode: told.livemode ?? false,
      pending_webhooks: 0,
      request: cause,
      type: told.type,
    } as Stripe.Event;
    const kept: KeptEvent = { event, deliveries: [] };
    state.events.set(event.id, kept);
    const [oldest] = state.events.keys();
    if (state.events.size > mostEvents && oldest !== undefined) state.events.delete(oldest);
    deliver(kept);
    return kept;
  }

  /** Does the work, whose events name this cause. */
  function during<Result>(next: Cause, work: () => Result): Result {
    cause = next;
    try {
      return work();
    } finally {
      cause = null;
    }
  }
}
