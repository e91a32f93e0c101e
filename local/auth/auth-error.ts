/** A refusal, in the shape of Supabase Auth, so that supabase-js shows it. */
export class AuthError extends Error {
  readonly status: number;
  readonly errorCode: string;
  readonly detail: Record<string, unknown>;

  constructor(status: number, errorCode: string, message: string, detail: Record<string, unknown> = {}) {
    super(message);
    this.status = status;
    this.errorCode = errorCode;
    this.detail = detail;
  }

  toJSON(): Record<string, unknown> {
    return { code: this.status, error_code: this.errorCode, msg: this.message, ...this.detail };
  }
}
