import { inject } from "vitest";

/** Signs the administrator of the stack in. Returns an access token. */
export async function signInAdministrator(): Promise<string> {
  const { apiUrl, publishableKey, users } = inject("stack");
  const response = await fetch(`${apiUrl}/auth/v1/token?grant_type=password`, {
    method: "POST",
    headers: { apikey: publishableKey, "content-type": "application/json" },
    body: JSON.stringify(users.admin),
  });
  if (!response.ok) throw new Error(`sign-in: ${response.status} ${await response.text()}`);
  return ((await response.json()) as { access_token: string }).access_token;
}
