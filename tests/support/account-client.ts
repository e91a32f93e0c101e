import { inject } from "vitest";
import type { ErrorBody } from "../../shared/domain/errors.ts";
import type { ServiceHold } from "../../shared/metering/service-holds.ts";

export interface AccountAnswer<Body> {
  status: number;
  headers: Headers;
  body: Body;
}

/** An answer's body, whether it is what was asked for or an error: the status says which. */
export type OrError<Body> = Body & ErrorBody;

interface Sending {
  /** A person's access token. */
  token?: string;
  /** What a service shows. */
  apikey?: string;
  /** Sent as JSON; a text goes out as it is. */
  body?: unknown;
  headers?: Record<string, string>;
}

/** What is needed to hold. */
export interface HoldFields {
  userId: string;
  service?: string;
  tokens?: number;
  costNano?: number;
}

/** Calls `account` as an app or another service does, through the gateway unless another address is given. */
export function createAccountClient(url = `${inject("stack").apiUrl}/functions/v1/account`) {
  const { secretKey } = inject("stack");

  async function send<Body = ErrorBody>(
    method: string,
    path: string,
    { token, apikey, body, headers }: Sending = {},
  ): Promise<AccountAnswer<Body>> {
    const response = await fetch(`${url}${path}`, {
      method,
      headers: {
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(apikey === undefined ? {} : { apikey }),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      body: (text === "" ? null : JSON.parse(text)) as Body,
    };
  }

  return {
    send,

    /** As a person. */
    get: <Body>({ token }: { token: string }, path: string) => send<OrError<Body>>("GET", path, { token }),

    /** As a service, with the secret key of the project. */
    placeHold: ({ service = "images", ...fields }: HoldFields, key?: string) =>
      send<OrError<Pick<ServiceHold, "id" | "state" | "expiresAt" | "limits">>>("POST", "/holds", {
        apikey: secretKey,
        body: { service, ...fields },
        headers: key === undefined ? {} : { "idempotency-key": key },
      }),
    settleHold: (id: string, body: unknown) =>
      send<OrError<ServiceHold>>("POST", `/holds/${id}/settle`, { apikey: secretKey, body }),
    releaseHold: (id: string) => send<OrError<ServiceHold>>("DELETE", `/holds/${id}`, { apikey: secretKey }),
  };
}
