import { beforeAll, expect, test } from "vitest";
import { connectClockDatabase } from "../../support/clock-database.ts";
import { type Customer, createStripeBooks } from "./stripe-books.ts";

const { sql } = connectClockDatabase();
const books = createStripeBooks(sql);
const payment = { id: "pi_1", amount: 1000, paid_at: "2027-04-01T00:00Z", subscription_id: null };
const lines = [{ price_id: "price_credits", quantity: 2 }];

beforeAll(async () => {
  await sql`
    insert into private.billing_prices (id, credit_nano, currency, amount, is_active, created_at)
    values ('price_credits', 5000, 'usd', 500, true, '2027-01-01')`;
});

const creditsOf = ({ userId }: Customer) =>
  sql`select source_id, amount_nano, left_nano from private.credit_grants where user_id = ${userId} order by 1`;

test("what a payment bought is granted once it is known, also where it was seen before Stripe said so", async () => {
  const buyer = await books.signUp();
  await books.pay(buyer, payment);
  expect(await creditsOf(buyer)).toEqual([]);
  for (let time = 0; time < 2; time++) await books.pay(buyer, { ...payment, lines });
  expect(await creditsOf(buyer)).toEqual([{ source_id: "pi_1", amount_nano: 10_000, left_nano: 10_000 }]);
  // Nor is it taken away by who does not see it.
  await books.pay(buyer, payment);
  expect(await creditsOf(buyer)).toEqual([{ source_id: "pi_1", amount_nano: 10_000, left_nano: 10_000 }]);
});

test("who read earlier still tells what was bought, and nothing of refunds", async () => {
  const buyer = await books.signUp();
  const early = await books.draw();
  await books.pay(buyer, { ...payment, id: "pi_2", refunded: 250 });
  await books.pay(buyer, { ...payment, id: "pi_2", lines }, early);
  expect(await creditsOf(buyer)).toEqual([{ source_id: "pi_2", amount_nano: 10_000, left_nano: 7500 }]);
});

test("of a purchase that is paid in parts each part grants its share", async () => {
  const buyer = await books.signUp();
  const part = { ...payment, lines, purchase_total: 1000 };
  await books.pay(buyer, { ...part, id: "pi_3", amount: 300 });
  expect(await creditsOf(buyer)).toMatchObject([{ amount_nano: 3000 }]);
  await books.pay(buyer, { ...part, id: "pi_4", amount: 700 });
  expect(await creditsOf(buyer)).toMatchObject([{ amount_nano: 3000 }, { amount_nano: 7000 }]);
});
