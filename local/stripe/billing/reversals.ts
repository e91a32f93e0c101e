import type Stripe from "stripe";
import { daySeconds } from "../calendar.ts";
import type { Core } from "../core.ts";
import { newId } from "../new-id.ts";
import { invalid, missing } from "../refusal.ts";

const evidenceDays = 7;

/** Money that goes back: refunds that are given, and disputes that a cardholder opens. */
export function createReversals({ state, clock, emit }: Core) {
  return { refund, openDispute, closeDispute };

  function refund(
    charge: Stripe.Charge,
    wanted: { amount?: number | undefined; metadata: Stripe.Metadata; reason: string | null },
  ): Stripe.Refund {
    const left = charge.amount - charge.amount_refunded;
    const { amount = left } = wanted;
    if (left === 0)
      throw invalid(`Charge ${charge.id} has already been refunded.`, { code: "charge_already_refunded" });
    if (charge.disputed)
      throw invalid(`Charge ${charge.id} has been charged back; cannot issue a refund.`, {
        code: "charge_disputed",
      });
    if (amount <= 0 || amount > left)
      throw invalid(`Refund amount (${amount}) is greater than unrefunded amount on charge (${left})`, {
        param: "amount",
      });
    const refund: Stripe.Refund = {
      id: newId("re"),
      object: "refund",
      amount,
      balance_transaction: newId("txn"),
      charge: charge.id,
      created: clock.now(),
      currency: charge.currency,
      customer: charge.customer,
      customer_account: null,
      destination_details: { type: "card" },
      metadata: wanted.metadata,
      payment_intent: charge.payment_intent,
      payment_method: charge.payment_method,
      reason: wanted.reason,
      receipt_number: null,
      source_transfer_reversal: null,
      status: "succeeded",
      transfer_reversal: null,
    };
    state.refunds.set(refund.id, refund);
    const before = { amount_refunded: charge.amount_refunded, refunded: charge.refunded };
    charge.amount_refunded += amount;
    charge.refunded = charge.amount_refunded === charge.amount;
    emit("charge.refunded", charge, before);
    return refund;
  }

  /** The cardholder wants the money of a payment back; the bank takes it at once. */
  function openDispute(intentId: string): Stripe.Dispute {
    const charge = state.charges.get(
      (state.paymentIntents.get(intentId)?.latest_charge as string | null) ?? "",
    );
    if (!charge?.paid) throw missing("paid payment_intent", intentId, "paymentIntent");
    if (charge.disputed) throw invalid(`The charge ${charge.id} is disputed already.`);
    const dispute: Stripe.Dispute = {
      id: newId("du"),
      object: "dispute",
      amount: charge.amount,
      balance_transactions: [],
      charge: charge.id,
      created: clock.now(),
      currency: charge.currency,
      enhanced_eligibility_types: [],
      evidence: { enhanced_evidence: {} } as Stripe.Dispute.Evidence,
      evidence_details: {
        due_by: clock.now() + evidenceDays * daySeconds,
        enhanced_eligibility: {},
        has_evidence: false,
        past_due: false,
        submission_count: 0,
        submission_method: "not_submitted",
      },
      intended_submission_method: null,
      is_charge_refundable: false,
      livemode: false,
      metadata: {},
      payment_intent: intentId,
      reason: "fraudulent",
      status: "needs_response",
    };
    state.disputes.set(dispute.id, dispute);
    charge.disputed = true;
    emit("charge.dispute.created", dispute);
    emit("charge.dispute.funds_withdrawn", dispute);
    return dispute;
  }

  /** The bank decides; a dispute that is won brings the money back. */
  function closeDispute(id: string, status: "won" | "lost"): Stripe.Dispute {
    const dispute = state.disputes.get(id);
    if (!dispute) throw missing("dispute", id);
    if (dispute.status !== "needs_response") throw invalid(`The dispute is ${dispute.status} already.`);
    dispute.status = status;
    emit("charge.dispute.closed", dispute);
    if (status === "won") emit("charge.dispute.funds_reinstated", dispute);
    return dispute;
  }
}
