import { describe, expect, test } from "vitest";
import { connectDatabase } from "../support/connect-database.ts";

const sql = connectDatabase();

describe.each([
  ["ledger", "cost_nano"],
  ["route_prices", "input_usd"],
])("the rows of %s are never", (table, column) => {
  test.each([
    ["changed", `update private.${table} set ${column} = 0`],
    ["removed", `delete from private.${table}`],
    ["emptied", `truncate private.${table} cascade`],
  ])("%s, not even by their owner", async (_how, statement) => {
    await expect(sql.unsafe(statement)).rejects.toMatchObject({
      code: "SL405",
      message: `Rows of private.${table} are never changed or removed: add a correcting row instead.`,
    });
  });
});
