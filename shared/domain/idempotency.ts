/** What makes a request that is sent again the same request. */
export interface Idempotency {
  /** Chosen by the client: names one request of a caller for a day. */
  key: string;
  /** Of the body: another body under the same key is refused. */
  bodyHash: string;
}
