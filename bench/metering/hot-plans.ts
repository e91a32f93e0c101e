import type { Sql } from "postgres";

/** Tables that grow with the number of people or of their chats. */
const largeTables = [
  "accounts",
  "usage_windows",
  "request_rates",
  "holds",
  "ledger\\w*",
  "credit_grants",
  "limit_overrides",
];

export interface HotPlans {
  /** The plan of each statement that ran, nested ones too, with the statement's beginning. */
  plans: { statement: string; plan: string; ms: number }[];
  /** What reads a large table from end to end, a sentence each. */
  faults: string[];
}

/** The plans of the statements of one chat's hold and settlement, as Postgres chose them. `sql` is a superuser's. */
export async function readHotPlans(sql: Sql, notices: string[], userId: string): Promise<HotPlans> {
  const holdId = crypto.randomUUID();
  await sql.begin(async (session) => {
    await session`load 'auto_explain'`;
    await session.unsafe(`
      set local auto_explain.log_min_duration = 0; set local auto_explain.log_nested_statements = on;
      set local auto_explain.log_analyze = on; set local auto_explain.log_timing = off; set local auto_explain.log_level = 'notice';
      set local client_min_messages = 'notice'; set local role service_role;`);
    const begin = {
      ...{ hold_id: holdId, user_id: userId, model_id: null, conversation_id: null, continues: false },
      ...{ prompt_bytes: 120, prompt_messages: 1, images: 0, overhead_tokens: 0, output_modality: "text" },
      ...{ needs: [], max_output_tokens: 256 },
    };
    await session`select public.begin_chats(${session.json([begin])})`;
    const release = [{ hold_id: holdId, charges: [], messages: [] }];
    await session`select public.settle_chats(${session.json(release)})`;
  });
  const plans = notices.flatMap(readNotice);
  const scan = new RegExp(`Seq Scan on (${largeTables.join("|")})\\b`);
  const faults = plans.flatMap(({ statement, plan }) => {
    const [, table] = scan.exec(plan) ?? [];
    return table === undefined ? [] : [`"${statement}" reads ${table} from end to end.`];
  });
  if (plans.length < 10) faults.push(`Only ${plans.length} plans of the hot statements were seen.`);
  return { plans, faults };
}

/** `duration: 1.234 ms  plan:`, then the text of the query and its plan. */
function readNotice(notice: string): HotPlans["plans"] {
  const [, ms, text, plan] =
    /^duration: ([\d.]+) ms\s+plan:\s+Query Text: ([\s\S]*?)\n((?:\S.*\(.*cost=|\s*->)[\s\S]*)$/.exec(
      notice,
    ) ?? [];
  if (ms === undefined || text === undefined || plan === undefined) return [];
  return [{ statement: text.replace(/\s+/g, " ").trim().slice(0, 90), plan, ms: Number(ms) }];
}
