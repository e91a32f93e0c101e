import fc from "fast-check";
import { changePlan, deleteCaller, override, removeOverride, setPaidPeriod, setTimeZone } from "./account.ts";
import { begin, crash } from "./begin.ts";
import type { Command } from "./command.ts";
import { expireCredits, grantCredit, revokeCredit } from "./credits.ts";
import { look } from "./look.ts";
import { limitProject, reprice } from "./project.ts";
import * as random from "./random-inputs.ts";
import { closeService, holdForService } from "./services.ts";
import { extend, refund, settle, write } from "./settlements.ts";
import { roll, sweep, wait, waitUntil } from "./time.ts";

const often = (weight: number, arbitrary: fc.Arbitrary<Command>) => ({ weight, arbitrary });

/** All that can happen. */
export const randomCommand: fc.Arbitrary<Command> = fc.oneof(
  often(10, random.oneChat.map(begin)),
  often(6, random.chats.map(begin)),
  often(8, random.settlementOf("pending", 2).map(settle)),
  often(3, random.settlementOf("expired", 2).map(settle)),
  often(1, random.settlementOf("settled", 1).map(settle)),
  often(2, random.serviceHold.map(holdForService)),
  often(4, random.serviceUse.map(closeService)),
  often(3, random.extension.map(extend)),
  often(2, random.part.map(write)),
  often(3, random.refunded.map(refund)),
  often(1, random.chats.map(crash)),
  often(2, random.aMoment.map(wait)),
  often(2, random.aWhile.map(wait)),
  often(5, random.event.map(waitUntil)),
  often(2, random.nothing.map(roll)),
  often(2, random.nothing.map(sweep)),
  often(2, random.planChange.map(changePlan)),
  often(2, random.paidPeriod.map(setPaidPeriod)),
  often(2, random.zoneChange.map(setTimeZone)),
  often(2, random.overridden.map(override)),
  often(1, random.limitKey.map(removeOverride)),
  often(3, random.smallBudget.map(override)),
  often(3, random.grant.map(grantCredit)),
  often(1, random.source.map(revokeCredit)),
  often(2, random.nothing.map(expireCredits)),
  often(2, random.projectLimit.map(limitProject)),
  often(1, random.newPrice.map(reprice)),
  often(2, random.caller.map(look)),
  often(1, random.caller.map(deleteCaller)),
);
