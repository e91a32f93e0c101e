import { billingErrors } from "./billing-errors.ts";
import type { ErrorRow } from "./error-row.ts";

/** Every error a caller can meet: code → status, type and public message. The README's table is made of this one. */
export const errorTable = {
  ...billingErrors,
  invalid_request: { status: 400, type: "invalid_request_error", message: "The request is not valid." },
  invalid_json: {
    status: 400,
    type: "invalid_request_error",
    message: "The body is not valid JSON: send one JSON object in UTF-8.",
  },
  body_too_deep: {
    status: 400,
    type: "invalid_request_error",
    message: "The body is nested too deeply: 32 levels are the most.",
  },
  body_too_large: {
    status: 413,
    type: "invalid_request_error",
    message: "The body is too large: 1 MiB is the most.",
  },
  context_length_exceeded: {
    status: 400,
    type: "invalid_request_error",
    message:
      "The conversation is longer than the model's context: shorten it or choose a model with a larger one.",
  },
  content_refused: {
    status: 400,
    type: "invalid_request_error",
    message: "The provider's content policy refuses this request: change its content.",
  },
  provider_refused: {
    status: 400,
    type: "invalid_request_error",
    message: "The provider does not accept this request: check options and model.",
  },
  unsupported_parameter: {
    status: 400,
    type: "invalid_request_error",
    message: "The model cannot do what this field asks for: leave it out or choose another model.",
  },
  unauthorized: {
    status: 401,
    type: "authentication_error",
    message: "Sign in and send a valid access token: `Authorization: Bearer <token>`.",
  },
  own_key_exhausted: {
    status: 402,
    type: "insufficient_quota",
    message: "The budget of your own key is used up at its provider: raise it there, or use another key.",
  },
  quota_exceeded: { status: 402, type: "insufficient_quota", message: "A limit of the plan is used up." },
  model_not_allowed: {
    status: 403,
    type: "permission_error",
    message: "The plan does not include this model: choose another one or upgrade.",
  },
  own_key_missing: {
    status: 403,
    type: "permission_error",
    message: "None of your own provider keys serves this model: save one for it, or choose another model.",
  },
  own_key_refused: {
    status: 403,
    type: "permission_error",
    message: "The provider does not accept your own key any more: save another one.",
  },
  own_key_not_permitted: {
    status: 403,
    type: "permission_error",
    message:
      "Your own key cannot be used for this model: its provider, or the address that it was saved with, does not allow it.",
  },
  byok_forbidden: {
    status: 403,
    type: "permission_error",
    message: "Provider keys of your own cannot be used here, or not on this plan.",
  },
  api_key_not_accepted: {
    status: 403,
    type: "permission_error",
    message: "This is not done with an API key: sign in and send an access token.",
  },
  scope_missing: {
    status: 403,
    type: "permission_error",
    message: "The API key is not for this: make one with the scope that is needed.",
  },
  administrators_only: {
    status: 403,
    type: "permission_error",
    message: "Only administrators of this project may do this.",
  },
  not_found: { status: 404, type: "not_found_error", message: "There is nothing at this address." },
  model_not_found: {
    status: 404,
    type: "not_found_error",
    message: "There is no such model: choose one that the plan includes.",
  },
  conversation_not_found: {
    status: 404,
    type: "not_found_error",
    message: "There is no such conversation: leave out conversationId to begin one.",
  },
  request_not_found: {
    status: 404,
    type: "not_found_error",
    message: "There is no such request of yours: its id is that of the answer's header x-request-id.",
  },
  user_not_found: {
    status: 404,
    type: "not_found_error",
    message: "There is no such user: userId is the id of somebody who is signed up.",
  },
  hold_not_found: {
    status: 404,
    type: "not_found_error",
    message: "There is no such hold of a service: its id is the one that was answered when it was placed.",
  },
  provider_key_not_found: {
    status: 404,
    type: "not_found_error",
    message: "There is no such provider key: look for its provider and name in the list.",
  },
  api_key_not_found: {
    status: 404,
    type: "not_found_error",
    message: "There is no such API key of yours, or it is revoked: look for its id in the list.",
  },
  sync_not_found: {
    status: 404,
    type: "not_found_error",
    message: "There is no such sync: its id is the one that was answered when it began.",
  },
  price_not_found: {
    status: 404,
    type: "not_found_error",
    message: "No price of this route waits to be accepted.",
  },
  rule_not_found: { status: 404, type: "not_found_error", message: "There is no such rule." },
  method_not_allowed: {
    status: 405,
    type: "invalid_request_error",
    message: "This address does not take this method.",
  },
  request_running: {
    status: 409,
    type: "invalid_request_error",
    message: "A request with this Idempotency-Key is still running: wait for it.",
    retryAfterSeconds: 1,
  },
  sync_running: {
    status: 409,
    type: "invalid_request_error",
    message: "The catalogue is being synced already: wait until that is over.",
    retryAfterSeconds: 10,
  },
  key_exists: {
    status: 409,
    type: "invalid_request_error",
    message: "This very key is saved already: use that one, or delete it first.",
  },
  too_many_keys: {
    status: 409,
    type: "invalid_request_error",
    message: "There are fifty keys already: delete or revoke one first.",
  },
  key_refused: {
    status: 422,
    type: "invalid_request_error",
    message:
      "The provider does not accept this key: nothing was saved. Copy it once more, or make a new one.",
  },
  idempotency_mismatch: {
    status: 422,
    type: "invalid_request_error",
    message: "This Idempotency-Key was used with another body: take a new key.",
  },
  rate_limited: { status: 429, type: "rate_limit_error", message: "Too many requests: wait and try again." },
  internal_error: { status: 500, type: "server_error", message: "Something went wrong on our side." },
  provider_failed: {
    status: 502,
    type: "provider_error",
    message: "The model's provider failed: try again or choose another model.",
  },
  provider_interrupted: {
    status: 502,
    type: "provider_error",
    message:
      "The model's provider broke off in the middle of the answer: what it wrote is charged, and what arrived is kept.",
  },
  answer_too_large: {
    status: 502,
    type: "provider_error",
    message:
      "The model did not stop: an answer has at most 8 MiB and 128 tool calls. What arrived is charged and kept.",
  },
  feed_unusable: {
    status: 502,
    type: "provider_error",
    message: "The provider's list of models cannot be used.",
  },
  provider_busy: {
    status: 503,
    type: "provider_error",
    message: "The model's provider is overloaded: wait and try again.",
    retryAfterSeconds: 5,
  },
  model_unavailable: {
    status: 503,
    type: "provider_error",
    message: "No provider serves this model at the moment: choose another one.",
    retryAfterSeconds: 60,
  },
  own_key_unavailable: {
    status: 503,
    type: "provider_error",
    message:
      "None of your own provider keys can be used at the moment: see in byok-keys what they wait for, or save them again.",
    retryAfterSeconds: 60,
  },
  database_unavailable: {
    status: 503,
    type: "server_error",
    message: "The service is not available at the moment: wait and try again.",
    retryAfterSeconds: 2,
  },
  authentication_unavailable: {
    status: 503,
    type: "server_error",
    message: "The keys that tokens are signed with cannot be fetched at the moment: wait and try again.",
    retryAfterSeconds: 2,
  },
  not_configured: {
    status: 503,
    type: "server_error",
    message: "This is not set up here: the operator does so with the settings that the manual names.",
    // No Retry-After: until somebody acts.
  },
  settlement_pending: {
    status: 503,
    type: "server_error",
    message:
      "The answer is complete but could not be recorded yet: look for it in the conversation before you ask again.",
    // No Retry-After: whoever repeats the request pays twice.
  },
  shutting_down: {
    status: 503,
    type: "server_error",
    message: "The service restarts: what arrived is kept; try again.",
    retryAfterSeconds: 1,
  },
  provider_timeout: {
    status: 504,
    type: "provider_error",
    message: "The model's provider did not answer in time: try again or choose another model.",
  },
  deadline_exceeded: {
    status: 504,
    type: "server_error",
    message:
      "The answer took longer than this service allows: what arrived is kept and charged. Ask for a shorter one.",
  },
} as const satisfies Record<string, ErrorRow>;

export type ErrorCode = keyof typeof errorTable;
