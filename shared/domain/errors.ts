import type { LimitState } from "./chat-event.ts";
import type { ErrorRow, ErrorType } from "./error-row.ts";
import { type ErrorCode, errorTable } from "./error-table.ts";

/** The one error shape on the wire, which every OpenAI client parses. */
export interface ErrorBody {
  error: {
    message: string;
    type: ErrorType;
    param: string | null;
    code: ErrorCode;
    [detail: string]: unknown;
  };
}

interface ErrorOptions {
  /** The caller's limits as they stand, for the headers of the answer. */
  allowance?: LimitState[] | undefined;
  /** A public message that says more than the table's. Never a provider's, a library's or the database's text. */
  message?: string;
  /** The field of the request at fault. */
  param?: string;
  retryAfterSeconds?: number;
  /** More public members of the error, e.g. what ran out. */
  detail?: Record<string, unknown>;
  /** For the log only. */
  cause?: unknown;
}

/** A refusal or failure that a caller is told about. Everything in it but `cause` is public. */
export class SluiceError extends Error {
  override readonly name = "SluiceError";
  readonly code: ErrorCode;
  /** HTTP status, where the response has not begun yet. */
  readonly status: (typeof errorTable)[ErrorCode]["status"];
  readonly retryAfterSeconds: number | undefined;
  /** The caller's limits as they stand, where a limit was asked; for the headers of the answer. */
  readonly allowance: LimitState[];
  readonly #param: string | undefined;
  readonly #detail: Record<string, unknown> | undefined;

  constructor(code: ErrorCode, options: ErrorOptions = {}) {
    const row: ErrorRow = errorTable[code];
    super(options.message ?? row.message, { cause: options.cause });
    this.code = code;
    this.status = errorTable[code].status;
    this.retryAfterSeconds = options.retryAfterSeconds ?? row.retryAfterSeconds;
    this.allowance = options.allowance ?? [];
    this.#param = options.param;
    this.#detail = options.detail;
  }

  /** The same error with more public members. */
  withDetail(detail: Record<string, unknown>): SluiceError {
    return new SluiceError(this.code, {
      message: this.message,
      ...(this.#param === undefined ? {} : { param: this.#param }),
      ...(this.retryAfterSeconds === undefined ? {} : { retryAfterSeconds: this.retryAfterSeconds }),
      allowance: this.allowance,
      detail: { ...this.#detail, ...detail },
      cause: this.cause,
    });
  }

  /** The body of the response or of the stream's `error` event. */
  toBody(): ErrorBody {
    return {
      error: {
        message: this.message,
        type: errorTable[this.code].type,
        param: this.#param ?? null,
        code: this.code,
        ...this.#detail,
      },
    };
  }
}

/** What was thrown, as an error that a caller may see: anything unknown becomes `internal_error` and keeps its cause for the log. */
export function toSluiceError(thrown: unknown): SluiceError {
  return thrown instanceof SluiceError ? thrown : new SluiceError("internal_error", { cause: thrown });
}
