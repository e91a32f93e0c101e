// What commands are given: small numbers, so that the same callers, keys and limits come together, and amounts that a handful of
// requests use up.

import fc from "fast-check";
import { day, hour, minute, second } from "../calendar.ts";
import { plans } from "../catalogue.ts";
import type { ChatInput } from "./begin.ts";
import type { ChargeInput } from "./settlements.ts";

const between = (least: number, most: number) => fc.integer({ min: least, max: most });
/** One value of five times that. */
const rarely = <Value>(value: Value, usual: fc.Arbitrary<Value>) =>
  fc.oneof({ weight: 1, arbitrary: fc.constant(value) }, { weight: 4, arbitrary: usual });

/** Picks one of however many there are. */
export const number = fc.nat(99);
export const caller = fc.nat(2);
export const nothing = fc.constant(null);

const key = fc.record({
  name: fc.constantFrom("key 1", "key 2"),
  body: fc.constantFrom("body", "body", "other body"),
});
const someKey = fc.option(key, { freq: 2 });

const chat: fc.Arbitrary<ChatInput> = fc.record({
  caller,
  model: fc.constantFrom(0, 0, 0, 0, 1, 1, 1, 2, 2, 3),
  bytes: rarely(0, between(1, 1500)),
  messages: between(1, 3),
  images: rarely(1, fc.constant(0)),
  overhead: rarely(100, fc.constant(0)),
  output: rarely(20, between(1, 1000)),
  isByok: rarely(true, fc.constant(false)),
  key: rarely(null, someKey),
});
export const oneChat = chat.map((chat) => [chat]);

export const extension = fc.record({
  hold: number,
  offer: number,
  more: fc.constantFrom(0, 1, 1, 1),
  providerCalls: fc.constantFrom(1, 1, 2, 3),
});

/** Chats of one batch. */
export const chats = fc.array(chat, { minLength: 1, maxLength: 4, size: "max" });

const charge: fc.Arbitrary<ChargeInput> = fc.record({
  offer: number,
  tells: fc.constantFrom("all", "all", "all", "prompt", "nothing"),
  usage: fc.tuple(
    between(0, 600),
    rarely(700, between(0, 100)),
    between(0, 50),
    between(0, 600),
    between(0, 50),
  ),
  bytes: between(0, 3000),
});
/** Mostly one call, sometimes two; none for a hold that is released. */
const charges: fc.Arbitrary<ChargeInput[]> = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(charge) },
  { weight: 2, arbitrary: fc.tuple(charge, charge) },
  { weight: 1, arbitrary: fc.constant<ChargeInput[]>([]) },
);
export const settlementOf = (state: "pending" | "settled" | "expired", most: number) =>
  fc.record({
    holds: fc.array(number, { minLength: 1, maxLength: most }),
    state: fc.constant(state),
    charges,
  });
export const part = fc.record({ hold: number, bytes: between(0, 3000) });
export const refunded = fc.record({
  hold: number,
  charge: number,
  nano: fc.oneof(between(0, 1000), between(1, 600_000)),
});

const nano = rarely(0, between(1, 1_500_000));
const tokens = rarely(0, between(1, 2500));
export const serviceHold = fc.record({
  ...{ caller, service: fc.constantFrom("images", "search"), tokens, nano, key: someKey },
});
export const serviceUse = fc.record({ hold: number, used: rarely(null, fc.record({ tokens, nano })) });

export const aMoment = between(1, 90 * second);
export const aWhile = between(10 * minute, 40 * day);
export const event = fc.record({ event: fc.nat(3), plusMs: between(-1, 1) });
const lastsMs = fc.constantFrom(null, 30 * second, minute, hour, day, 20 * day);

export const planChange = fc.record({ caller, plan: fc.constantFrom(...plans.map(({ id }) => id)) });
export const paidPeriod = fc.record({
  caller,
  kind: fc.constantFrom("set", "renewed", "renewed", "replayed", "ended"),
  agoMs: fc.oneof(fc.constant(0), between(0, 40 * day)),
  months: fc.constantFrom(1, 1, 3, 12),
  days: fc.constantFrom(0, 0, 3),
});
export const zoneChange = fc.record({
  caller,
  zone: fc.constantFrom(
    ...[
      "UTC",
      "Europe/Berlin",
      "America/Havana",
      "Australia/Lord_Howe",
      "Pacific/Kiritimati",
      "Pacific/Niue",
    ],
  ),
});

export const limitKey = fc.record({
  caller,
  key: fc.constantFrom(
    ...["requests minute", "requests day", "requests month", "tokens minute", "tokens day", "tokens month"],
    ...["nano_usd minute", "nano_usd day", "nano_usd month", "concurrent instant"],
    ...["model model/a requests minute", "model model/a tokens day"],
    ...["model model/b requests day", "model model/b concurrent instant"],
    ...["provider alpha requests day", "provider alpha tokens minute", "provider alpha nano_usd month"],
    ...["provider beta requests minute", "provider beta nano_usd day", "provider beta concurrent instant"],
    ...["provider images tokens day", "provider images requests month"],
  ),
});
export const overridden = limitKey.chain((target) =>
  fc.record({
    caller: fc.constant(target.caller),
    key: fc.constant(target.key),
    amount: amountFor(target.key),
    lastsMs,
  }),
);
/** A budget so small that credits are needed. */
export const smallBudget = fc.record({
  ...{
    caller,
    key: fc.constant("nano_usd month"),
    amount: rarely<number | null>(null, between(0, 300_000)),
    lastsMs,
  },
});

function amountFor(key: string): fc.Arbitrary<number | null> {
  // A rate of nothing has no spread.
  const least = key.includes("requests minute") ? 1 : 0;
  if (/requests|concurrent/.test(key)) return fc.constantFrom(null, least, 1, 2, 7, 13);
  return rarely<number | null>(null, between(least, key.includes("tokens") ? 6000 : 4_000_000));
}

export const projectLimit = fc.oneof(
  fc.record({ key: fc.constant("nano_usd month"), amount: fc.option(between(0, 6_000_000), { freq: 3 }) }),
  fc.record({
    key: fc.constant("provider beta tokens day"),
    amount: fc.option(between(0, 9000), { freq: 3 }),
  }),
  fc.record({
    key: fc.constantFrom("concurrent instant", "model model/a requests day"),
    amount: fc.constantFrom(null, 1, 3, 20),
  }),
);
export const newPrice = fc.record({ route: number, times: between(50, 200) });

export const source = fc.constantFrom("a", "b", "c", "d", "e");
export const grant = fc.record({
  ...{
    caller,
    source,
    nano: fc.oneof(between(1, 300_000), between(1, 3_000_000)),
    priority: fc.nat(1),
    lastsMs,
  },
});
