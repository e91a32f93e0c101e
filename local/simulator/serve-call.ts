import type { ServerResponse } from "node:http";
import { createAttempts } from "./attempts.ts";
import type { CallRecord } from "./call-record.ts";
import { InvalidFault } from "./commands.ts";
import { type Behaviour, noFaults, parseBehaviour, type Refusal } from "./faults.ts";
import type { Holds } from "./holds.ts";
import { playReply } from "./play-reply.ts";
import type { PriceList } from "./price-list.ts";
import { billPartially, makeReply } from "./reply.ts";
import { sendAnswer } from "./send-answer.ts";
import type { Answer, Asked, ModelRequest, WireFormat } from "./wire-format.ts";

interface Parts {
  calls: CallRecord;
  holds: Holds;
  /** The names of the outages that are on. */
  outages: ReadonlySet<string>;
  prices: PriceList;
}

/** Serves what is asked of a model: answers as commanded, and keeps the record and the bill. */
export function createServeCall({ calls, holds, outages, prices }: Parts) {
  const countAttempt = createAttempts();

  return async function serveCall(
    format: WireFormat,
    asked: Asked,
    request: ModelRequest,
    id: string,
    response: ServerResponse,
  ): Promise<void> {
    const { model, stream, maxTokens, prompt, body } = request;
    const key = format.readKey(asked.headers);
    const call = calls.open({
      id,
      format: format.name,
      model,
      key: key.slice(-4),
      stream,
      maxTokens,
      prompt,
      body,
    });
    const denied = format.authorize(asked);
    if (denied) {
      sendAnswer(response, denied);
      return calls.close(call, "failed");
    }
    try {
      const [name = "", ...commands] = model.split(";");
      const header = asked.headers["x-simulate"];
      const behaviour = parseBehaviour(header === undefined ? commands : [...commands, String(header)]);
      const { content } = behaviour;
      const faults = takesPart(behaviour) ? behaviour.faults : noFaults;
      const reply = makeReply(request, content, faults);
      const billNano = prices.billNano(name, reply.usage);
      const written = request.write(id, name, { ...reply, billNano });
      const refuse = (refusal: Refusal) => refuseAsCommanded(format, refusal, request, key);
      const outcome = await playReply({
        response,
        stream,
        faults,
        holds,
        written,
        call,
        tokensPerSecond: content.tokensPerSecond,
        refusal: chooseRefusal(behaviour, faults, request, refuse),
        serverFailed: refuse({ status: 500, code: null, retryAfterSeconds: null }),
      });
      if (outcome === "refused") calls.close(call, "failed");
      else if (outcome === "completed") calls.close(call, outcome, reply.usage, billNano);
      else {
        const usage = billPartially(reply, call.thoughtsSent, call.tokensSent);
        calls.close(call, outcome, usage, prices.billNano(name, usage));
      }
    } catch (error) {
      if (!(error instanceof InvalidFault)) throw error;
      sendAnswer(response, format.refuseCommands(error.message));
      calls.close(call, "failed");
    }
  };

  /** Whether a call has the faults that it names: of calls under a name only the first ones do. */
  function takesPart({ attempts }: Behaviour): boolean {
    return attempts === null || countAttempt(attempts.name) <= attempts.times;
  }

  function chooseRefusal(
    { content }: Behaviour,
    faults: Behaviour["faults"],
    request: ModelRequest,
    refuse: (refusal: Refusal) => Answer,
  ): Answer | null {
    if (faults.outage !== null && outages.has(faults.outage))
      return refuse({ status: 503, code: null, retryAfterSeconds: null });
    if (content.prefillRefused && request.isPrefilled)
      return refuse({ status: 400, code: "prefill", retryAfterSeconds: null });
    return faults.refusal && refuse(faults.refusal);
  }
}

function refuseAsCommanded(format: WireFormat, refusal: Refusal, request: ModelRequest, key: string): Answer {
  const answer = format.refuse(refusal, request, key);
  if (answer) return answer;
  const code = refusal.code === null ? "" : `;code=${refusal.code}`;
  throw new InvalidFault(`"status=${refusal.status}${code}" is nothing that ${format.name} answers`);
}
