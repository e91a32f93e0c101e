import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createStripe } from "./create-stripe.ts";
import { readRequest, sendAnswer } from "./http.ts";
import { createKeeper, loadState } from "./keep-state.ts";
import { seed } from "./seed.ts";
import { emptyState, type State } from "./state.ts";
import type { Endpoint } from "./webhooks/deliveries.ts";

const tickMs = 1000;

export interface StripeOptions {
  /** 0 takes any that is free. */
  port: number;
  /** Where all that it knows is kept between starts; without it, nowhere. */
  stateFile?: string;
  /** Where events are sent. */
  webhook?: Endpoint;
  /** Where they are sent without their data. */
  thinWebhook?: Endpoint;
  /** The time that its clock begins with, unless it goes on from a file; without it, the machine's. */
  epochMs?: number;
}

/** Starts the stand-in for Stripe on 127.0.0.1. Returns its address and how to stop it, which breaks off what still runs. */
export async function startStripe(options: StripeOptions): Promise<{ url: string; stop(): Promise<void> }> {
  const { port, stateFile, webhook, thinWebhook, epochMs } = options;
  const state = (stateFile === undefined ? null : loadState(stateFile)) ?? newState(epochMs);
  const keeper = stateFile === undefined ? null : createKeeper(stateFile, state);
  const server = createServer((request, response) => {
    readRequest(request)
      .then(stripe.serve)
      .then((answer) => sendAnswer(response, answer))
      .catch((error: unknown) => {
        console.error("stripe:", error);
        response.destroy();
      });
  });
  // Callers keep connections for reuse; one closed by a timeout just as it is used again would look like a fault.
  server.keepAliveTimeout = 0;
  const url = `http://127.0.0.1:${(await listen(server, port)).port}`;
  const stripe = createStripe({ url, state, webhook, thinWebhook, changed: () => keeper?.changed() });
  const tick = setInterval(stripe.catchUp, tickMs).unref();
  return {
    url,
    async stop() {
      clearInterval(tick);
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await Promise.all([closed, stripe.stop()]);
      keeper?.save();
    },
  };
}

function newState(epochMs: number | undefined): State {
  const state = emptyState();
  if (epochMs !== undefined) state.clockAheadMs = epochMs - Date.now();
  seed(state, Math.floor((Date.now() + state.clockAheadMs) / 1000));
  return state;
}

function listen(server: Server, port: number): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      reject(
        error.code === "EADDRINUSE"
          ? new Error(`stripe: port ${port} is taken; stop what uses it or choose another port`)
          : error,
      );
    });
    server.listen(port, "127.0.0.1", () => resolve(server.address() as AddressInfo));
  });
}
