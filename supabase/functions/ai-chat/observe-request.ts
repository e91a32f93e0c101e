import { describeCause } from "../../../shared/domain/describe-cause.ts";
import type { Observer } from "../../../shared/gateway/gateway.ts";
import type { RequestLog, WriteLog } from "../../../shared/http/request-log.ts";

/** Notes what happens to a request in its log line, and what fails on the way in lines of its own. */
export function observeRequest(log: RequestLog, writeLog: WriteLog): Observer {
  const { requestId } = log;
  const write = (line: Record<string, unknown>) => writeLog(JSON.stringify(line));
  return {
    mark: log.mark,
    recognised: (userId) => log.note({ userId }),
    served: ({ model, provider, credential, attempts }) =>
      log.note({ model, provider, credential, attempts }),
    callFailed: ({ error, ...call }) =>
      write({
        event: "call_failed",
        requestId,
        ...call,
        code: error.code,
        cause: describeCause(error.cause ?? error),
      }),
    keyFailed: (keyId, error) =>
      write({ event: "key_failed", requestId, keyId, cause: describeCause(error) }),
    settled: ({ usage, costNano, estimated, isStored }) =>
      log.note({ usage, costNano, estimated, ...(isStored ? {} : { isStored }) }),
    // Figures only: should the worker die before the ledger is reached, an operator can post them from here.
    settleFailed: ({ holdId, charges }, error, isLost) =>
      write({ event: "settlement_failed", requestId: holdId, charges, isLost, cause: describeCause(error) }),
  };
}
