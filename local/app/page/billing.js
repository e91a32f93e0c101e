// @ts-check
import { ApiError } from "./api.js";

/** @import { Billing, PlanOverview } from "../../../shared/billing/billing-view.ts" */
/** @import { Invoice } from "../../../shared/billing/invoices.ts" */
/** @import { ChangePreview } from "../../../shared/billing/plan-preview.ts" */
/** @import { AccountLimits, Balance } from "../../../shared/metering/accounts.ts" */
/** @import { createApi } from "./api.js" */
/** @import { Interval } from "./plan-words.js" */
/** @typedef {{ plan: string, interval: Interval }} Wanted */

/** That a page of Stripe's was opened, on which something may have been done. */
const visit = "visit";

/**
 * What an app does with the functions `billing` and `account`. All that it returns throws an ApiError.
 * @param {ReturnType<typeof createApi>} api
 * @param {{ storage: Storage, open: (url: string) => void }} page `open` leaves the page for another
 */
export function createBilling(api, { storage, open }) {
  return {
    /** @returns {Promise<PlanOverview>} */
    readPlans: () => api.get("billing/plans"),

    /**
     * How somebody stands. Who comes back from Stripe's pages has Stripe itself asked: access never waits for a webhook.
     * @param {string | null} outcome what the address says of a checkout: `success` or `cancelled`
     * @returns {Promise<Billing>}
     */
    async read(outcome) {
      const isBack = storage.getItem(visit) !== null || outcome === "success";
      const billing = isBack && outcome !== "cancelled" ? await sync() : await api.get("billing/current");
      storage.removeItem(visit);
      return billing;
    },

    /** @returns {Promise<AccountLimits>} */
    readLimits: () => api.get("account/limits"),

    /** @returns {Promise<Balance>} */
    readBalance: () => api.get("account/balance"),

    /** @param {Wanted | { creditNano: number }} wanted */
    buy: async (wanted) => leave((await api.post("billing/checkout", wanted)).url),

    openPortal: async () => leave((await api.post("billing/portal", {})).url),

    /** @param {Wanted} wanted @returns {Promise<ChangePreview>} */
    previewChange: async (wanted) => (await api.post("billing/change", { ...wanted, preview: true })).preview,

    /**
     * Changes the plan as it was shown. Where that must be paid or confirmed first, it leaves for the page that asks for it.
     * @param {Wanted} wanted
     * @param {ChangePreview} preview
     * @returns {Promise<Billing>}
     */
    async change(wanted, { prorationDate }) {
      // With the date of the preview, so that what was shown is what is charged.
      const fields = prorationDate === null ? wanted : { ...wanted, prorationDate };
      const { paymentUrl, ...billing } = await api.post("billing/change", fields);
      return paymentUrl === null ? billing : leave(paymentUrl);
    },

    /** @returns {Promise<Billing>} */
    cancel: () => api.post("billing/cancel"),

    /** Undoes what is scheduled. @returns {Promise<Billing>} */
    resume: () => api.post("billing/resume"),

    /** @param {string | null} cursor @returns {Promise<{ invoices: Invoice[], nextCursor: string | null }>} */
    listInvoices: (cursor) =>
      api.get(`billing/invoices?limit=10${cursor === null ? "" : `&cursor=${encodeURIComponent(cursor)}`}`),
  };

  /** @returns {Promise<Billing>} */
  async function sync() {
    try {
      return await api.post("billing/sync");
    } catch (error) {
      // Stripe is asked once in two seconds.
      if (!(error instanceof ApiError) || error.code !== "rate_limited") throw error;
      await new Promise((resolve) => setTimeout(resolve, error.retryAfterMs));
      return api.post("billing/sync");
    }
  }

  /**
   * Leaves for a page of Stripe's. Nothing follows here.
   * @param {string} url
   * @returns {Promise<never>}
   */
  function leave(url) {
    storage.setItem(visit, "begun");
    open(url);
    return new Promise(() => {});
  }
}
