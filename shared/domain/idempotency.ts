/** What makes a request that is sent again the same request. */
export interface Idempotency {
  /** Chosen by the client: names one request of a caller for a day. */
  key: string;
  /** Of the address and the body: another one under the same key is refused. */
  bodyHash: string;
}
