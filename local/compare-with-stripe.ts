/**
 * Has the functions compare their customers with Stripe, as the nightly job does: a new database learns the prices, and an old one what
 * happened while nobody listened. Returns why it could not be done; null where it was.
 */
export async function compareWithStripe(apiUrl: string, jobSecret: string): Promise<string | null> {
  const response = await fetch(`${apiUrl}/functions/v1/billing/reconcile`, {
    method: "POST",
    headers: { authorization: `Bearer ${jobSecret}` },
  });
  return response.ok ? null : `not compared with Stripe (${response.status}): ${await response.text()}`;
}
