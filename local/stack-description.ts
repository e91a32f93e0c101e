export interface DemoUser {
  email: string;
  password: string;
}

/** How to reach a running stack: what `stack.json` in its directory holds, the contract for scripts. */
export interface StackDescription {
  apiUrl: string;
  dbUrl: string;
  publishableKey: string;
  secretKey: string;
  simulatorUrl: string;
  /** The stand-in for Stripe; null where payments are made by Stripe itself. */
  stripeUrl: string | null;
  users: { free: DemoUser; pro: DemoUser; admin: DemoUser };
}
