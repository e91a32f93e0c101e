import { describeCause } from "../../../shared/domain/describe-cause.ts";
import { SluiceError } from "../../../shared/domain/errors.ts";
import type { Secret } from "../../../shared/domain/secret.ts";
import { type App, refuseOtherMethods } from "../../../shared/http/create-app.ts";
import type { WriteLog } from "../../../shared/http/request-log.ts";
import { isFromJob } from "../../../shared/keys/job-secret.ts";
import type { DeliverAlerts, DeliveryFailure } from "../../../shared/metering/alert-delivery.ts";

export interface AlertRouteOptions {
  /** What jobs show; null where none is set. */
  jobSecret: Secret | null;
  /** Who hears alerts; null where nobody does. */
  webhook: { url: URL; deliver: DeliverAlerts } | null;
  writeLog: WriteLog;
}

/** Adds `POST account/alerts/deliver`, which a job calls: posts the alerts that are due to the operator's webhook. */
export function addAlertRoute(app: App, { jobSecret, webhook, writeLog }: AlertRouteOptions): void {
  app.post("/alerts/deliver", async (context) => {
    if (jobSecret === null) throw notConfigured("JOB_SECRET");
    await checkJob(context.req.raw, jobSecret);
    if (webhook === null) throw notConfigured("ALERT_WEBHOOK_URL and ALERT_WEBHOOK_SECRET");
    const { requestId } = context.get("log");
    const result = await webhook.deliver((failure) =>
      writeLog(
        JSON.stringify({ event: "alert_failed", requestId, ...describeFailure(failure, webhook.url) }),
      ),
    );
    return context.json(result);
  });

  refuseOtherMethods(app, "/alerts/deliver", ["POST"]);
}

async function checkJob(request: Request, jobSecret: Secret): Promise<void> {
  if (await isFromJob(request, jobSecret)) return;
  throw new SluiceError("unauthorized", {
    message: "Only jobs may call this: send `Authorization: Bearer <JOB_SECRET>`.",
  });
}

function notConfigured(settings: string): SluiceError {
  return new SluiceError("not_configured", {
    message: `Alerts are not delivered here: the operator has to set ${settings}.`,
  });
}

/** Of an address no more than its origin is logged: what follows may be a secret. */
function describeFailure({ error, ...failure }: DeliveryFailure, url: URL) {
  return { ...failure, cause: describeCause(error).replaceAll(/https?:\/\/[^\s()"']+/gi, url.origin) };
}
