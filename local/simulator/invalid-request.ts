/** A request that the provider does not accept. */
export class InvalidRequest extends Error {
  readonly param: string | null;
  readonly code: string | null;

  /** `param` and `code` as OpenAI names them; other formats have the message alone. */
  constructor(message: string, param: string | null = null, code: string | null = null) {
    super(message);
    this.param = param;
    this.code = code;
  }
}
