import fc from "fast-check";
import { day, hour, minute, second } from "../calendar.ts";
import { plans } from "../catalogue.ts";
import { changePlan, deleteCaller, override, removeOverride, setPaidPeriod, setTimeZone } from "./account.ts";
import { begin, type ChatInput, crash } from "./begin.ts";
import type { Command } from "./command.ts";
import { expireCredits, grantCredit, revokeCredit } from "./credits.ts";
import { look } from "./look.ts";
import { limitProject, reprice } from "./project.ts";
import { closeService, holdForService } from "./services.ts";
import { type ChargeInput, extend, refund, settle, write } from "./settlements.ts";
import { roll, sweep, wait, waitUntil } from "./time.ts";

const number = fc.nat(99);
const caller = fc.nat(2);
const between = (least: number, most: number) => fc.integer({ min: least, max: most });
const rarely = <Value>(value: Value, usual: fc.Arbitrary<Value>) =>
  fc.oneof({ weight: 1, arbitrary: fc.constant(value) }, { weight: 4, arbitrary: usual });

const key = rarely(
  null,
  fc.record({ name: fc.constantFrom("key 1", "key 2"), body: fc.constantFrom("body", "body", "other body") }),
);
const noKey = fc.constant(null);
const serviceKey = fc.oneof(noKey, key);

const chat: fc.Arbitrary<ChatInput> = fc.record({
  caller,
  model: fc.constantFrom(0, 0, 0, 0, 1, 1, 1, 2, 2, 3),
  bytes: rarely(0, between(1, 1500)),
  messages: between(1, 3),
  images: rarely(1, fc.constant(0)),
  overhead: rarely(100, fc.constant(0)),
  output: rarely(20, between(1, 1000)),
  isByok: rarely(true, fc.constant(false)),
  key: fc.oneof({ weight: 3, arbitrary: noKey }, { weight: 1, arbitrary: key }),
});

/** Chats of one batch, no two of which have the same key. */
const batch = fc.array(chat, { minLength: 1, maxLength: 4, size: "max" }).map((chats) =>
  chats.map((chat, index) => {
    const isRepeated = chats
      .slice(0, index)
      .some((other) => other.caller === chat.caller && other.key?.name === chat.key?.name);
    return isRepeated ? { ...chat, key: null } : chat;
  }),
);
const one = chat.map((chat) => [chat]);

const charge: fc.Arbitrary<ChargeInput> = fc.record({
  offer: number,
  tells: fc.constantFrom("all", "all", "all", "prompt", "nothing"),
  usage: fc.tuple(between(0, 600), rarely(700, between(0, 100)), between(0, 50), between(0, 600), fc.nat(50)),
  bytes: between(0, 3000),
});
/** Mostly one call, sometimes two; none for a hold that is released. */
const charges: fc.Arbitrary<ChargeInput[]> = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(charge) },
  { weight: 2, arbitrary: fc.tuple(charge, charge) },
  { weight: 1, arbitrary: fc.constant<ChargeInput[]>([]) },
);
const settlementOf = (state: "pending" | "settled" | "expired", most: number) =>
  fc
    .record({
      holds: fc.array(number, { minLength: 1, maxLength: most }),
      state: fc.constant(state),
      charges,
    })
    .map(settle);

const nano = rarely(0, between(1, 1_500_000));
const tokens = rarely(0, between(1, 2500));
const lastsMs = fc.constantFrom(null, 30 * second, minute, hour, day, 20 * day);
const source = fc.constantFrom("a", "b", "c", "d", "e");

const limitKeys = [
  ...["requests minute", "requests day", "requests month", "tokens minute", "tokens day", "tokens month"],
  ...["nano_usd minute", "nano_usd day", "nano_usd month", "nano_usd month", "concurrent instant"],
  ...[
    "model model/a requests minute",
    "model model/a tokens day",
    "model model/b requests day",
    "model model/b concurrent instant",
  ],
  ...["provider alpha requests day", "provider alpha tokens minute", "provider alpha nano_usd month"],
  ...["provider beta requests minute", "provider beta nano_usd day", "provider beta concurrent instant"],
  ...["provider images tokens day", "provider images requests month"],
];
const limitKey = fc.constantFrom(...limitKeys);
/** An amount that a handful of requests use up. */
const amountFor = (key: string): fc.Arbitrary<number | null> => {
  const none = key.includes("requests minute") ? 1 : 0;
  if (/requests|concurrent/.test(key)) return fc.constantFrom(null, none, 1, 2, 7, 13);
  return rarely<number | null>(null, key.includes("tokens") ? between(none, 6000) : between(none, 4_000_000));
};

const projectLimit = fc.oneof(
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

const paidPeriod = fc.record({
  caller,
  kind: fc.constantFrom("set", "renewed", "renewed", "replayed", "ended"),
  agoMs: fc.oneof(fc.constant(0), between(0, 40 * day)),
  months: fc.constantFrom(1, 1, 3, 12),
  days: fc.constantFrom(0, 0, 3),
});

const zones = [
  "UTC",
  "Europe/Berlin",
  "America/Havana",
  "Australia/Lord_Howe",
  "Pacific/Kiritimati",
  "Pacific/Niue",
];

const often = (weight: number, arbitrary: fc.Arbitrary<Command>) => ({ weight, arbitrary });

/** All that can happen. */
export const randomCommand: fc.Arbitrary<Command> = fc.oneof(
  often(10, one.map(begin)),
  often(6, batch.map(begin)),
  often(8, settlementOf("pending", 2)),
  often(3, settlementOf("expired", 1)),
  often(1, settlementOf("settled", 1)),
  often(
    2,
    fc
      .record({ caller, service: fc.constantFrom("images", "search"), tokens, nano, key: serviceKey })
      .map(holdForService),
  ),
  often(4, fc.record({ hold: number, used: rarely(null, fc.record({ tokens, nano })) }).map(closeService)),
  often(3, number.map(extend)),
  often(2, fc.record({ hold: number, bytes: between(0, 3000) }).map(write)),
  often(
    3,
    fc
      .record({ hold: number, charge: number, nano: fc.oneof(between(0, 1000), between(1, 600_000)) })
      .map(refund),
  ),
  often(2, between(1, 90 * second).map(wait)),
  often(2, between(10 * minute, 40 * day).map(wait)),
  often(5, fc.record({ event: fc.nat(3), plusMs: between(-1, 1) }).map(waitUntil)),
  often(2, fc.constant(null).map(roll)),
  often(2, fc.constant(null).map(sweep)),
  often(2, fc.record({ caller, plan: fc.constantFrom(...plans.map(({ id }) => id)) }).map(changePlan)),
  often(2, paidPeriod.map(setPaidPeriod)),
  often(2, fc.record({ caller, zone: fc.constantFrom(...zones) }).map(setTimeZone)),
  often(
    2,
    limitKey
      .chain((key) => fc.record({ caller, key: fc.constant(key), amount: amountFor(key), lastsMs }))
      .map(override),
  ),
  often(1, fc.record({ caller, key: limitKey }).map(removeOverride)),
  often(
    3,
    fc.record({ caller, source, nano: between(1, 3_000_000), priority: fc.nat(1), lastsMs }).map(grantCredit),
  ),
  often(1, source.map(revokeCredit)),
  often(2, fc.constant(null).map(expireCredits)),
  often(1, batch.map(crash)),
  often(2, projectLimit.map(limitProject)),
  often(1, fc.record({ route: number, times: between(50, 200) }).map(reprice)),
  often(2, caller.map(look)),
  often(1, caller.map(deleteCaller)),
);
