import { randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import { connectDatabase } from "../support/connect-database.ts";
import { callDatabase } from "../support/database-calls.ts";
import { signUp } from "../support/people.ts";

const sql = connectDatabase();

const insertAt = (at: string, holdId = randomUUID()) => sql`
  insert into private.ledger (
    hold_id, attempt, entry, held_at, outcome, estimated, is_byok, user_id, plan_id, provider,
    input_tokens, cache_read_tokens, cache_write_tokens, output_tokens, reasoning_tokens, cost_nano
  ) values (${holdId}, 1, 'charge', ${at}, 'completed', false, false, ${randomUUID()}, 'free', 'test', 0, 0, 0, 0, 0, 0)`;

test("a month has one partition, whoever asks for it how often, and its rows lie there to the last microsecond", async () => {
  await Promise.all(
    Array.from({ length: 4 }, () => sql`select private.create_ledger_partition('2001-02-10Z')`),
  );
  await insertAt("2001-02-01T00:00:00Z");
  await insertAt("2001-02-28T23:59:59.999999Z");
  await expect(insertAt("2001-03-01T00:00:00Z")).rejects.toThrow(/no partition/);
  expect(await sql`select from private.ledger_2001_02`).toHaveLength(2);
});

test("a call has one charge: the key holds over all entries of a hold", async () => {
  await sql`select private.create_ledger_partition('2001-04-10Z')`;
  const holdId = randomUUID();
  await insertAt("2001-04-10Z", holdId);
  await expect(insertAt("2001-04-10Z", holdId)).rejects.toMatchObject({ code: "23505" });
});

test("rows of a partition are never changed, removed or emptied, not even by their owner", async () => {
  await sql`select private.create_ledger_partition('2001-05-10Z')`;
  await insertAt("2001-05-10Z");
  for (const statement of ["update %s set cost_nano = 1", "delete from %s", "truncate %s"])
    await expect(sql.unsafe(statement.replace("%s", "private.ledger_2001_05"))).rejects.toMatchObject({
      code: "SL405",
    });
});

test("a month that is over leaves the ledger whole and stays as a table of its own", async () => {
  await sql`select private.create_ledger_partition('1999-11-10Z'), private.create_ledger_partition('1999-12-10Z')`;
  await insertAt("1999-11-10Z");
  const [early] = await sql`select private.detach_ledger_partitions('1999-11-30T23:59:59Z') as names`;
  expect(early?.names).toEqual([]);
  const [due] = await sql`select private.detach_ledger_partitions('1999-12-01T00:00:00Z') as names`;
  expect(due?.names).toEqual(["ledger_1999_11"]);
  expect(await sql`select from private.ledger where held_at < '1999-12-01Z'`).toHaveLength(0);
  expect(await sql`select from private.ledger_1999_11`).toHaveLength(1);
  await sql`drop table private.ledger_1999_11`;
  await sql`select private.detach_ledger_partitions('2000-01-01Z')`;
  await sql`drop table private.ledger_1999_12`;
});

test("a month of which a hold may still be settled stays in the ledger", async () => {
  await sql`select private.create_ledger_partition('1998-03-10Z')`;
  const { userId } = await signUp();
  const item = { hold_id: randomUUID(), user_id: userId, service: "test", tokens: 1, cost_nano: 0 };
  await callDatabase("place_hold", { item });
  await sql`update private.holds set created_at = '1998-03-31T23:59:59.999999Z' where id = ${item.hold_id}`;
  const detach = () => sql`select private.detach_ledger_partitions('1998-05-01Z') as names`;
  expect(await detach()).toEqual([{ names: [] }]);
  await callDatabase("release_hold", { hold_id: item.hold_id });
  expect(await detach()).toEqual([{ names: ["ledger_1998_03"] }]);
  await sql`drop table private.ledger_1998_03`;
});
