import type Stripe from "stripe";
import { addIntervals } from "../calendar.ts";
import type { Core } from "../core.ts";
import { newId } from "../new-id.ts";
import { invalid } from "../refusal.ts";
import { idOf } from "../state.ts";
import type { Due } from "./renewals.ts";
import { type NewPhase, newPhase, newSchedule } from "./schedule-object.ts";
import { intervalOf, periodEndOf } from "./subscription-object.ts";
import type { Subscriptions } from "./subscriptions.ts";
import type { createUpdateSubscription } from "./update-subscription.ts";

/** Plans of what a subscription is for, phase after phase. */
export function createSchedules(
  core: Core,
  subscriptions: Subscriptions,
  updates: ReturnType<typeof createUpdateSubscription>,
) {
  const { state, clock, emit } = core;
  return { createFrom, update, release, cancel, dueFor };

  /** A schedule whose one phase is the current period of a subscription. */
  function createFrom(subscription: Stripe.Subscription): Stripe.SubscriptionSchedule {
    if (subscription.schedule !== null)
      throw invalid("You cannot migrate a subscription that is already attached to a schedule.");
    const [item] = subscription.items.data;
    const phase = newPhase({
      items: subscription.items.data.map(({ price, quantity }) => ({ price: price.id, quantity })),
      start: item?.current_period_start ?? clock.now(),
      end: periodEndOf(subscription),
    });
    const schedule = newSchedule({ id: newId("sub_sched"), subscription, phase, created: clock.now() });
    state.schedules.set(schedule.id, schedule);
    subscriptions.revise(subscription, (it) => {
      it.schedule = schedule.id;
    });
    emit("subscription_schedule.created", schedule);
    return schedule;
  }

  /** Sets the phases anew; the one that runs keeps its start. */
  function update(
    schedule: Stripe.SubscriptionSchedule,
    {
      phases,
      end_behavior,
      metadata,
    }: {
      phases?: NewPhase[] | undefined;
      end_behavior?: string | undefined;
      metadata?: Stripe.Metadata | undefined;
    },
  ): void {
    requireActive(schedule);
    if (phases) schedule.phases = layOut(phases, schedule);
    if (end_behavior !== undefined) schedule.end_behavior = end_behavior;
    if (metadata !== undefined) schedule.metadata = { ...schedule.metadata, ...metadata };
    schedule.current_phase = phaseAt(schedule, clock.now());
    emit("subscription_schedule.updated", schedule);
    const phase = schedule.phases.find(({ start_date }) => start_date === schedule.current_phase?.start_date);
    if (phase) take(schedule, phase);
  }

  function layOut(
    phases: NewPhase[],
    { phases: before, current_phase: current }: Stripe.SubscriptionSchedule,
  ) {
    let start = current?.start_date ?? clock.now();
    return phases.map((phase, index) => {
      const from = phase.start_date === "now" ? clock.now() : (phase.start_date ?? start);
      if (
        index === 0 &&
        current &&
        from !== current.start_date &&
        !before.some(({ start_date }) => start_date === from)
      )
        throw invalid("You can not modify the start date of the current phase.", {
          param: "phases[0][start_date]",
        });
      if (index > 0 && from !== start)
        throw invalid("The start date of a phase must be the end date of the one before.", {
          param: `phases[${index}][start_date]`,
        });
      const price = core.findPrice(phase.items[0]?.price ?? "", `phases[${index}][items][0][price]`);
      const end =
        phase.end_date === "now"
          ? clock.now()
          : (phase.end_date ?? addIntervals(from, phase.duration ?? intervalOf(price), 1));
      if (end <= from)
        throw invalid("The end date of a phase must be after its start date.", {
          param: `phases[${index}][end_date]`,
        });
      start = end;
      return newPhase({
        items: phase.items,
        start: from,
        end,
        proration: phase.proration_behavior,
        metadata: phase.metadata,
      });
    });
  }

  /** Lets the subscription go on as it is, without the schedule. */
  function release(schedule: Stripe.SubscriptionSchedule): void {
    requireActive(schedule);
    const subscription = subscriptionOf(schedule);
    schedule.status = "released";
    schedule.released_at = clock.now();
    schedule.released_subscription = subscription?.id ?? null;
    schedule.subscription = null;
    schedule.current_phase = null;
    if (subscription)
      subscriptions.revise(subscription, (it) => {
        it.schedule = null;
      });
    emit("subscription_schedule.released", schedule);
  }

  /** Ends the schedule and its subscription, now. */
  function cancel(schedule: Stripe.SubscriptionSchedule): void {
    requireActive(schedule);
    const subscription = subscriptionOf(schedule);
    if (subscription) subscriptions.cancel(subscription, "cancellation_requested");
  }

  /** What is to come for a schedule: its next phase, or its end. */
  function dueFor(schedule: Stripe.SubscriptionSchedule): Due[] {
    const current = schedule.current_phase;
    if (schedule.status !== "active" || !current) return [];
    const next = schedule.phases.find(({ start_date }) => start_date >= current.end_date);
    if (next) return [{ at: next.start_date, run: () => begin(schedule, next) }];
    return [
      { at: current.end_date, run: () => (schedule.end_behavior === "cancel" ? cancel : release)(schedule) },
    ];
  }

  function begin(schedule: Stripe.SubscriptionSchedule, phase: Stripe.SubscriptionSchedule.Phase): void {
    schedule.current_phase = { start_date: phase.start_date, end_date: phase.end_date };
    emit("subscription_schedule.updated", schedule);
    take(schedule, phase);
  }

  /** Gives the subscription what the phase says, where it differs. */
  function take(schedule: Stripe.SubscriptionSchedule, phase: Stripe.SubscriptionSchedule.Phase): void {
    const subscription = subscriptionOf(schedule);
    if (!subscription) return;
    const items = subscription.items.data;
    const wanted = phase.items.map(({ price, quantity = 1 }) => ({ price: idOf(price), quantity }));
    const isSame =
      items.length === wanted.length &&
      wanted.every(
        ({ price, quantity }, index) =>
          items[index]?.price.id === price && items[index]?.quantity === quantity,
      );
    if (isSame) return;
    const changes = wanted.map(({ price, quantity }, index) => ({
      id: items[index]?.id,
      price: core.findPrice(price, "price"),
      quantity,
    }));
    const left = items.slice(wanted.length).map(({ id }) => ({ id, deleted: true }));
    updates.changeItems(subscription, {
      items: [...changes, ...left],
      prorationBehavior: phase.proration_behavior,
    });
  }

  function subscriptionOf({ subscription }: Stripe.SubscriptionSchedule): Stripe.Subscription | undefined {
    return subscription === null ? undefined : state.subscriptions.get(idOf(subscription));
  }
}

function requireActive({ status }: Stripe.SubscriptionSchedule): void {
  if (status !== "active" && status !== "not_started")
    throw invalid(`You cannot change a subscription schedule that is currently in the \`${status}\` status.`);
}

function phaseAt(
  { phases }: Stripe.SubscriptionSchedule,
  now: number,
): Stripe.SubscriptionSchedule.CurrentPhase | null {
  const phase = phases.find(({ start_date, end_date }) => start_date <= now && now < end_date);
  return phase ? { start_date: phase.start_date, end_date: phase.end_date } : null;
}
