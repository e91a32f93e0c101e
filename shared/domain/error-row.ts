/** What a caller can do about an error, as OpenAI clients know the classes. */
export type ErrorType =
  | "invalid_request_error"
  | "authentication_error"
  | "permission_error"
  | "not_found_error"
  | "insufficient_quota"
  | "rate_limit_error"
  | "provider_error"
  | "server_error";

export interface ErrorRow {
  /** HTTP status, where the response has not begun yet. */
  status: number;
  type: ErrorType;
  /** The public message, where the thrower has none that says more. */
  message: string;
  /** Seconds for `Retry-After`, for errors that the same request may not meet again and that name no wait of their own. */
  retryAfterSeconds?: number;
}
