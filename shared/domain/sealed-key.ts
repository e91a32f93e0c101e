/** A key of a provider as it is stored. */
export interface SealedKey {
  /** The id of its row. */
  id: string;
  provider: string;
  sealedKey: string;
  /** Whose it is: the id of a user, or null for the platform's pool. */
  userId: string | null;
  /** Where it is sent, where that is not the provider's own address. */
  baseUrl: string | null;
}
