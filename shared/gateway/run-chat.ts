import type { ChatResult } from "../domain/chat-event.ts";
import type { ChatMessage } from "../domain/chat-message.ts";
import type { ChatOptions } from "../domain/chat-request.ts";
import type { SluiceError } from "../domain/errors.ts";
import { type Attempt, createAttempt } from "./attempt.ts";
import { type Attempts, type CallsBefore, createAttempts } from "./attempts.ts";
import { createCandidates } from "./candidates.ts";
import { connect } from "./connect.ts";
import type { ChatCall, ChatListener, GatewayContext, OpenChat } from "./gateway.ts";
import type { PlacedHold } from "./holding.ts";
import { readFirstText, toKeptMessages } from "./kept-messages.ts";
import { checkResults, findNeeds, joinHistory, measurePrompt } from "./prompt.ts";
import { replayChat } from "./replay-chat.ts";
import { createReplyWriter } from "./reply-writer.ts";
import {
  findUnsupported,
  keepOptions,
  toWarnings,
  warnOfModel,
  warnOfProvider,
  withPreferences,
} from "./warnings.ts";
import { wholeResponseMs } from "./watch.ts";

/** Holds for a chat and waits for the first event of the first provider that answers. @throws SluiceError with the refusal */
export async function openChat(call: ChatCall, context: GatewayContext): Promise<OpenChat> {
  const { id, caller, request, observer } = call;
  const { limits, now } = context;
  const conversationId = request.conversationId === undefined ? context.newId() : request.conversationId;
  const deadline =
    now() + (request.stream ? limits.deadlineMs : Math.min(limits.deadlineMs, wholeResponseMs));
  const connected = await connect<Attempt>(
    {
      request: {
        holdId: id,
        caller,
        model: request.model,
        provider: request.provider,
        conversationId,
        continues: typeof request.conversationId === "string",
        firstText: readFirstText(request),
        prompt: measurePrompt(request),
        takesPreferences: call.takesPreferences,
        takesSystemPrompt: call.takesPreferences && request.messages.every(({ role }) => role !== "system"),
        outputModality: "text",
        needs: findNeeds(request.options),
        maxOutputTokens: request.options.maxTokens,
        idempotency: call.idempotency,
        fallsBack: false,
      },
      messages: toKeptMessages(conversationId, request, null),
      prepare: (hold, before) => prepareAttempts(call, { hold, before, deadline }, context),
      // Also a stream has to begin before the platform ends a request that has no answer.
      answerBy: Math.min(deadline, now() + wholeResponseMs),
      observer,
    },
    context,
  );
  if ("replayOf" in connected) return replayChat(connected.userId, connected.replayOf, context.replies);
  const { hold, attempts, call: attempt } = connected;
  observer.served(attempt.served);
  const chat = { call, conversationId, hold, attempts, context };
  return {
    start: { id, conversationId, ...attempt.served },
    isReplay: false,
    allowance: hold.allowance,
    pump: (listener) => pump(chat, attempt, listener),
  };
}

async function prepareAttempts(
  { id, request, observer }: ChatCall,
  { hold, before, deadline }: { hold: PlacedHold; before: CallsBefore; deadline: number },
  context: GatewayContext,
): Promise<Attempts<Attempt>> {
  const { maxTokens: _, ...asked } = request.options;
  const unsupported = findUnsupported(asked, hold.supportedParameters);
  const options: ChatOptions = withPreferences(keepOptions(asked, unsupported), hold);
  const warnings = [
    ...warnOfModel(hold.unavailableDefaultModel, hold.model),
    ...warnOfProvider(request.provider, hold.routes),
  ];
  const joined = joinHistory(hold.history, request.messages);
  checkResults(request.messages, hold.history, joined);
  const { systemPrompt } = hold.preferences;
  const messages: ChatMessage[] =
    systemPrompt === null ? joined : [{ role: "system", content: systemPrompt }, ...joined];
  const firstTokenMs = hold.firstTokenMs ?? context.limits.firstTokenMs;
  const candidates = await createCandidates({
    ...context,
    hold,
    onSealedKey: observer.keyFailed,
    preferred: request.provider,
    findLimitations: (provider, upstreamModel) =>
      provider.findLimitations({ upstreamModel, messages, maxOutputTokens: hold.maxOutputTokens, options }),
  });

  return createAttempts<Attempt>({
    ...context,
    holdId: id,
    candidates,
    before,
    deadline,
    call(candidate, number, withinMs) {
      const { dropped } = candidate.limitations;
      return createAttempt({
        messages,
        options: keepOptions(options, dropped),
        maxOutputTokens: hold.maxOutputTokens,
        stream: request.stream,
        candidate,
        served: {
          model: hold.model,
          provider: candidate.route.provider,
          credential: candidate.source,
          attempts: number,
          warnings: [...warnings, ...toWarnings([...unsupported, ...dropped])],
        },
        number,
        limits: { ...context.limits, firstTokenMs: Math.min(firstTokenMs, withinMs) },
        deadline,
        now: context.now,
      });
    },
    observer,
  });
}

interface RunningChat {
  call: ChatCall;
  conversationId: string | null;
  hold: PlacedHold;
  attempts: Attempts<Attempt>;
  context: GatewayContext;
}

/** Reads the answer to its end, begins again where that is possible, and settles. */
async function pump(chat: RunningChat, first: Attempt, listener: ChatListener): Promise<ChatResult> {
  const { call, conversationId, hold, attempts, context } = chat;
  const writer = createReplyWriter({
    requestId: call.id,
    replies: context.replies,
    isKept: conversationId !== null,
    now: context.now,
  });
  let attempt = first;
  let failure: SluiceError | null = null;
  for (;;) {
    const { answer, number } = attempt;
    const broken = await attempt.read((parts) => {
      listener.onParts(parts);
      writer.grew(number, answer);
    });
    if (broken === null) {
      attempts.completed(attempt);
      break;
    }
    const next =
      attempts.broke(attempt, broken) && call.canRestart ? await attempts.connect().catch(() => null) : null;
    if (next === null) {
      failure = broken.error;
      break;
    }
    attempt = next;
    call.observer.served(attempt.served);
    listener.onRestart?.(attempt.served);
  }
  context.leave(attempts);

  const { answer, number, served } = attempt;
  const finishReason = answer.finish?.reason ?? "interrupted";
  const reply = writer.finish(number, answer, finishReason);
  const { health } = attempts;
  const settlement = await hold.conclude(
    {
      charges: attempts.charges(),
      messages: toKeptMessages(conversationId, call.request, answer),
      ...(reply && { reply }),
      ...(health && { health }),
    },
    failure,
  );
  const { usage, costNano, estimated, limits } = settlement;
  return {
    id: call.id,
    conversationId,
    ...served,
    content: answer.content,
    reasoning: answer.reasoning,
    toolCalls: answer.toolCalls,
    ...(answer.finish?.continuation === undefined ? {} : { continuation: answer.finish.continuation }),
    finishReason,
    usage,
    costNano,
    estimated,
    limits,
  };
}
