import { expect } from "vitest";
import { minute } from "../calendar.ts";
import type { Caller, Grant, State } from "../state.ts";
import { type Command, createCommand, pickCaller } from "./command.ts";

interface GrantInput {
  caller: number;
  /** A source grants once. */
  source: string;
  nano: number;
  priority: number;
  /** Null for ever. */
  lastsMs: number | null;
}

/** A caller is given credits. */
export function grantCredit(input: GrantInput): Command {
  return createCommand("grantCredit", input, {
    check: (state) => pickCaller(state, 0) !== undefined,
    async run(state, session) {
      const caller = pickCaller(state, input.caller) as Caller;
      const expiresAt = input.lastsMs === null ? Number.POSITIVE_INFINITY : state.now + input.lastsMs;
      const time = input.lastsMs === null ? "infinity" : new Date(expiresAt).toISOString();
      const [{ id }] = await session<[{ id: string }]>`
        select private.grant_credit(${caller.id}, 'test', ${input.source}, ${input.nano}, ${input.priority}::smallint, ${time}::text::timestamptz) as id`;
      const known = grantsOf(state).find(({ source }) => source === input.source);
      if (known) return expect(id).toBe(known.id);
      const amount = BigInt(input.nano);
      const { source, priority } = input;
      caller.grants.push({
        id,
        source,
        amount,
        left: amount,
        isRevoked: false,
        priority,
        expiresAt,
        createdAt: state.now,
      });
    },
  });
}

function grantsOf({ callers }: State): Grant[] {
  return callers.filter(({ isDeleted }) => !isDeleted).flatMap(({ grants }) => grants);
}

/** What is left of a grant is taken back. */
export function revokeCredit(source: string): Command {
  return createCommand("revokeCredit", source, {
    async run(state, session) {
      const grant = grantsOf(state).find((grant) => grant.source === source);
      const expected = Number(grant?.left ?? 0n);
      if (grant) Object.assign(grant, { left: 0n, isRevoked: true });
      const [{ nano }] = await session<
        [{ nano: number }]
      >`select private.revoke_credit('test', ${source}) as nano`;
      expect(nano).toBe(expected);
    },
  });
}

/** Grants that have expired are written off once no hold that they were counted for is pending. */
export function expireCredits(): Command {
  return createCommand("expireCredits", null, {
    async run(state, session) {
      const due = state.callers
        .filter(({ isDeleted }) => !isDeleted)
        .flatMap((caller) =>
          caller.grants.filter(
            ({ left, expiresAt }) =>
              left > 0n &&
              expiresAt <= state.now - 10 * minute &&
              !state.holds.some(
                (hold) => hold.caller === caller && hold.state === "pending" && hold.createdAt < expiresAt,
              ),
          ),
        );
      for (const grant of due) grant.left = 0n;
      const [{ count }] = await session<[{ count: number }]>`select private.expire_credits(1000) as count`;
      expect(count).toBe(due.length);
    },
  });
}
