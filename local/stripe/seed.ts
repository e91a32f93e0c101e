import { newPrice, newProduct } from "./billing/catalogue.ts";
import type { State } from "./state.ts";

const plans = [
  { id: "byok", name: "Bring your own keys", month: 400, year: 4000 },
  { id: "premium", name: "Premium", month: 800, year: 8000 },
  { id: "pro", name: "Pro", month: 2000, year: 20_000 },
  { id: "enterprise", name: "Enterprise", month: 80_000, year: 800_000 },
];
const credits = [5, 20, 50];

/** Puts the plans and credits into the catalogue that Sluice sells; what they are is said by their metadata. Amounts are in US cents. */
export function seed({ products, prices }: Pick<State, "products" | "prices">, created: number): void {
  for (const { id, name, ...amounts } of plans) {
    const product = `prod_${id}`;
    products.set(product, newProduct({ id: product, name, created }));
    for (const interval of ["month", "year"] as const) {
      const price = `price_${id}_${interval}`;
      const metadata = { plan: id };
      prices.set(
        price,
        newPrice({ id: price, product, unitAmount: amounts[interval], interval, metadata, created }),
      );
    }
  }
  products.set("prod_credits", newProduct({ id: "prod_credits", name: "Credits", created }));
  for (const usd of credits) {
    const price = `price_credits_${usd}`;
    const metadata = { credit_usd: String(usd) };
    prices.set(
      price,
      newPrice({ id: price, product: "prod_credits", unitAmount: usd * 100, metadata, created }),
    );
  }
}
