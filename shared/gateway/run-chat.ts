import type { ChatResult, ServedBy } from "../domain/chat-event.ts";
import { type ChatMessage, textOf } from "../domain/chat-message.ts";
import type { ChatOptions, ChatRequest } from "../domain/chat-request.ts";
import { SluiceError } from "../domain/errors.ts";
import type { SettleRequest } from "../metering/metering.ts";
import type { Answer } from "./answer.ts";
import { type Attempt, createAttempt } from "./attempt.ts";
import { type Candidate, createCandidates } from "./candidates.ts";
import type { ChatCall, ChatListener, GatewayContext, OpenChat } from "./gateway.ts";
import type { PlacedHold } from "./holding.ts";
import { findNeeds, joinHistory, measurePrompt } from "./prompt.ts";
import { createReplyWriter } from "./reply-writer.ts";
import { toStorable, toStorableCall } from "./storable.ts";
import { createTries, type Tries } from "./try-candidates.ts";
import { findUnsupported, keepOptions, toWarnings } from "./warnings.ts";
import { wholeResponseMs } from "./watch.ts";

/** Holds for a chat and waits for the first event of the first provider that answers. @throws SluiceError with the refusal */
export async function openChat(call: ChatCall, context: GatewayContext): Promise<OpenChat> {
  const { id, userId, request, observer } = call;
  const { limits, now, holding } = context;
  const conversationId = request.conversationId === undefined ? context.randomId() : request.conversationId;
  const deadline =
    now() + (request.stream ? limits.deadlineMs : Math.min(limits.deadlineMs, wholeResponseMs));
  const hold = await holding(
    {
      holdId: id,
      userId,
      model: request.model,
      conversationId,
      continues: typeof request.conversationId === "string",
      firstText: readFirstText(request),
      prompt: measurePrompt(request),
      outputModality: "text",
      needs: findNeeds(request.options),
      maxOutputTokens: request.options.maxTokens,
    },
    observer,
  );
  let tries: Tries<Attempt> | null = null;
  try {
    tries = await prepareTries(call, hold, deadline, context);
    context.enter(tries);
    const attempt = await tries.connect();
    observer.mark("first_token");
    observer.served(attempt.served);
    const chat = { call, conversationId, hold, tries, context };
    return {
      start: { id, conversationId, ...attempt.served },
      pump: (listener) => pump(chat, attempt, listener),
    };
  } catch (thrown) {
    observer.mark("first_token");
    if (tries) context.leave(tries);
    const charges = tries?.charges() ?? [];
    const health = tries?.health;
    const outcome = { charges, ...(health && { health }) };
    // What is charged for was said, and is kept. Where nothing is charged, nobody waits for the release.
    if (charges.length > 0 && thrown instanceof SluiceError)
      await hold.conclude({ ...outcome, messages: keptMessages(conversationId, request.messages) }, thrown);
    hold.release({ ...outcome, messages: [] });
    throw thrown;
  }
}

async function prepareTries(
  { id, request, observer }: ChatCall,
  hold: PlacedHold,
  deadline: number,
  context: GatewayContext,
): Promise<Tries<Attempt>> {
  const { maxTokens: _, ...asked } = request.options;
  const unsupported = findUnsupported(asked, hold.supportedParameters);
  const options: ChatOptions = keepOptions(asked, unsupported);
  const messages = joinHistory(hold.history, request.messages);
  checkResults(request.messages, hold.history, messages);
  const limits = { ...context.limits, firstTokenMs: hold.firstTokenMs ?? context.limits.firstTokenMs };
  const candidates = await createCandidates({
    ...context,
    hold,
    onSealedKey: observer.keyFailed,
    preferred: request.provider,
    findLimitations: (provider, upstreamModel) =>
      provider.findLimitations({ upstreamModel, messages, maxOutputTokens: hold.maxOutputTokens, options }),
  });
  if (candidates.refusedField !== null)
    throw new SluiceError("unsupported_parameter", { param: candidates.refusedField });

  return createTries<Attempt>({
    ...context,
    holdId: id,
    candidates,
    deadline,
    call(candidate, number) {
      const { dropped } = candidate.limitations;
      return createAttempt({
        messages,
        options: keepOptions(options, dropped),
        maxOutputTokens: hold.maxOutputTokens,
        stream: request.stream,
        candidate,
        served: describeServing(hold.model, candidate, number, [...unsupported, ...dropped]),
        number,
        limits,
        deadline,
        now: context.now,
      });
    },
    observer,
  });
}

/** What the caller sent last must not be left out silently. */
function checkResults(sent: ChatMessage[], history: ChatMessage[], joined: ChatMessage[]): void {
  const lost = sent.findIndex((message) => message.role === "tool" && !joined.includes(message));
  if (lost < 0) return;
  const { toolCallId } = sent[lost] as Extract<ChatMessage, { role: "tool" }>;
  const isAwaited = history.some(
    (message) => message.role === "assistant" && message.toolCalls?.some(({ id }) => id === toolCallId),
  );
  if (isAwaited)
    throw new SluiceError("invalid_request", {
      param: "messages",
      message: "messages: every tool call of the conversation's last answer needs its result.",
    });
  const param = `messages.${lost}.toolCallId`;
  throw new SluiceError("invalid_request", {
    param,
    message: `${param}: the conversation does not wait for this result.`,
  });
}

function describeServing(
  model: string,
  { route, source }: Candidate,
  attempts: number,
  dropped: Parameters<typeof toWarnings>[0],
): ServedBy {
  return { model, provider: route.provider, credential: source, attempts, warnings: toWarnings(dropped) };
}

interface RunningChat {
  call: ChatCall;
  conversationId: string | null;
  hold: PlacedHold;
  tries: Tries<Attempt>;
  context: GatewayContext;
}

/** Reads the answer to its end, begins again where that is possible, and settles. */
async function pump(chat: RunningChat, first: Attempt, listener: ChatListener): Promise<ChatResult> {
  const { call, conversationId, hold, tries, context } = chat;
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
      tries.completed(attempt);
      break;
    }
    const next =
      tries.broke(attempt, broken) && call.canRestart ? await tries.connect().catch(() => null) : null;
    if (next === null) {
      failure = broken.error;
      break;
    }
    attempt = next;
    call.observer.served(attempt.served);
    listener.onRestart?.(attempt.served);
  }
  context.leave(tries);

  const { answer, number, served } = attempt;
  const finishReason = answer.finish?.reason ?? "interrupted";
  const reply = writer.finish(number, answer, finishReason);
  const { health } = tries;
  const settlement = await hold.conclude(
    {
      charges: tries.charges(),
      messages: keptMessages(conversationId, toMessages(call.request, answer)),
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

function readFirstText({ messages }: ChatRequest): string {
  const first = messages.find(({ role }) => role === "user");
  return first === undefined ? "" : textOf(first).slice(0, 200).toWellFormed();
}

function keptMessages(
  conversationId: string | null,
  messages: SettleRequest["messages"],
): SettleRequest["messages"] {
  return conversationId === null ? [] : messages;
}

/** What is kept of a chat: the answer too, complete or not, unless it broke off before its first word. */
function toMessages(request: ChatRequest, { content, toolCalls, finish }: Answer): SettleRequest["messages"] {
  if (finish === null && content === "") return request.messages;
  const answered: ChatMessage = {
    role: "assistant",
    content: toStorable(content),
    // Half a tool call is none.
    ...(finish !== null && toolCalls.length > 0 ? { toolCalls: toolCalls.map(toStorableCall) } : {}),
    ...(finish?.continuation === undefined ? {} : { continuation: finish.continuation }),
  };
  return [...request.messages, { ...answered, finishReason: finish?.reason ?? "interrupted" }];
}
