import { inject } from "vitest";
import type { ErrorBody } from "../../shared/domain/errors.ts";
import { signInAdministrator } from "./administrators.ts";

/** Calls `admin` as an administrator does, or as whoever has another token. */
export function createAdminClient(url = `${inject("stack").apiUrl}/functions/v1/admin`) {
  let own: Promise<string> | undefined;

  return async function call<Body>(
    method: string,
    path: string,
    { body, token }: { body?: unknown; token?: string | null } = {},
  ): Promise<{ status: number; headers: Headers; body: Body & ErrorBody }> {
    own ??= signInAdministrator();
    const shown = token === undefined ? await own : token;
    const response = await fetch(url + path, {
      method,
      headers: {
        ...(shown === null ? {} : { authorization: `Bearer ${shown}` }),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      body: (text === "" ? null : JSON.parse(text)) as Body & ErrorBody,
    };
  };
}
