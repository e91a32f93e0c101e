import { z } from "zod";
import { storableText } from "../../../shared/domain/chat-message.ts";
import { SluiceError } from "../../../shared/domain/errors.ts";
import { parseFields } from "../../../shared/domain/parse-fields.ts";
import { type App, refuseOtherMethods } from "../../../shared/http/create-app.ts";
import { readJson } from "../../../shared/http/read-json.ts";
import { type BillingOptions, openShop, type Shop } from "./app.ts";

const returnUrl = z.string().max(2000).optional();
const chosen = { plan: storableText.min(1).max(40), interval: z.enum(["month", "year"]) };
const planSchema = z.strictObject({ ...chosen, returnUrl });
const creditSchema = z.strictObject({ creditNano: z.int().min(1), returnUrl });
const portalSchema = z.strictObject({ returnUrl });
const changeSchema = z.strictObject({
  ...chosen,
  preview: z.boolean().default(false),
  prorationDate: z.int().min(0).max(253402300799).optional(),
});
const pageSchema = z.strictObject({
  limit: z.coerce.number().int().min(1).max(100).default(20),
  cursor: z.string().max(200).optional(),
});

/** Adds the routes by which people buy, change and cancel. */
export function addPurchaseRoutes(app: App, options: BillingOptions): void {
  const { authenticate } = options;

  app.post("/checkout", async (context) => {
    const buyer = await authenticate(context.req.raw);
    context.get("log").note({ userId: buyer.userId });
    const { returnUrl, ...wanted } = parsePurchase(await readJson(context.req.raw));
    const shop = openShop(options);
    const address = chooseReturnUrl(shop, returnUrl);
    await shop.customers.beginCall(buyer.userId);
    return context.json(await shop.beginCheckout(buyer, wanted, address), 201);
  });

  app.post("/portal", async (context) => {
    const { userId } = await authenticate(context.req.raw);
    context.get("log").note({ userId });
    const { returnUrl } = parseFields(portalSchema, await readJson(context.req.raw));
    const shop = openShop(options);
    const address = chooseReturnUrl(shop, returnUrl);
    return context.json({ url: await shop.openPortal(await findCustomer(shop, userId), address) }, 201);
  });

  app.post("/change", async (context) => {
    const { userId } = await authenticate(context.req.raw);
    context.get("log").note({ userId });
    const { preview, ...wanted } = parseFields(changeSchema, await readJson(context.req.raw));
    const { planChange, customers } = openShop(options);
    await customers.beginCall(userId);
    if (preview) return context.json({ preview: await planChange.preview(userId, wanted) });
    const { paymentUrl } = await planChange.change(userId, wanted);
    return context.json({ paymentUrl, ...(await options.readBilling(userId)) });
  });

  for (const what of ["cancel", "resume"] as const)
    app.post(`/${what}`, async (context) => {
      const { userId } = await authenticate(context.req.raw);
      context.get("log").note({ userId });
      const { planChange, customers } = openShop(options);
      await customers.beginCall(userId);
      await planChange[what](userId);
      return context.json(await options.readBilling(userId));
    });

  app.get("/invoices", async (context) => {
    const { userId } = await authenticate(context.req.raw);
    context.get("log").note({ userId });
    const { limit, cursor } = parseFields(pageSchema, context.req.query());
    const shop = openShop(options);
    return context.json(await shop.listInvoices(await findCustomer(shop, userId), { limit, cursor }));
  });

  app.post("/sync", async (context) => {
    const { userId } = await authenticate(context.req.raw);
    context.get("log").note({ userId });
    const { customers, sync } = openShop(options);
    const customerId = await customers.beginCall(userId);
    if (customerId !== null) await sync.followCustomer(customerId);
    return context.json(await options.readBilling(userId));
  });

  for (const path of ["/checkout", "/portal", "/change", "/cancel", "/resume", "/sync"])
    refuseOtherMethods(app, path, ["POST"]);
  refuseOtherMethods(app, "/invoices", ["GET"]);
}

/** @throws SluiceError customer_not_found, rate_limited */
async function findCustomer({ customers }: Shop, userId: string): Promise<string> {
  const customerId = await customers.beginCall(userId);
  if (customerId === null) throw new SluiceError("customer_not_found");
  return customerId;
}

/** A plan, or credits: by what is named, so that a fault is told of that and not of the other. */
function parsePurchase(body: unknown) {
  const isOfCredits = typeof body === "object" && body !== null && "creditNano" in body;
  return isOfCredits ? parseFields(creditSchema, body) : parseFields(planSchema, body);
}

/** Only to pages of the app: an address that anybody may choose would lead people astray. */
function chooseReturnUrl({ returnUrls }: Shop, asked: string | undefined): string {
  const address = asked ?? returnUrls[0];
  if (address === undefined)
    throw new SluiceError("not_configured", {
      message: "There is no page to lead back to: the operator names it in BILLING_RETURN_URLS.",
    });
  if (!returnUrls.includes(address))
    throw new SluiceError("invalid_request", {
      param: "returnUrl",
      message: "returnUrl: is none of the app's pages that the operator has named in BILLING_RETURN_URLS.",
    });
  return address;
}
