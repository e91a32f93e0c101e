const migration = (name: string) => `supabase/migrations/20261101${name}.sql`;

/** Files into which bugs are put. */
export const sources = {
  accounts: migration("000250_accounts"),
  metering: migration("000400_metering"),
  credits: migration("000420_credits"),
  projectLimits: migration("000450_project_limits"),
  holds: migration("000500_holds"),
  requests: migration("000520_hold_requests"),
  placement: migration("000550_hold_placement"),
  creditSettlement: migration("000640_credit_settlement"),
  settlement: migration("000650_settlement"),
  expiry: migration("000660_expiry"),
  idempotency: migration("000690_idempotency"),
  modelLists: migration("000790_model_lists"),
  priceChanges: migration("000870_price_changes"),
  feeds: migration("000880_model_feeds"),
  syncs: migration("000890_model_syncs"),
  openRouterPrice: "shared/catalogue/openrouter-price.ts",
  modelList: "shared/catalogue/model-list.ts",
};

/** Tests that must notice. */
export const tests = {
  model: "tests/database/metering-model.test.ts",
  races: "tests/database/races.test.ts",
  windows: "tests/database/windows.test.ts",
  creditTests: "tests/database/credits.test.ts",
  batches: "tests/database/batches.test.ts",
  holds: "tests/database/holds.test.ts",
  jobs: "tests/schedules/jobs.test.ts",
  keys: "tests/functions/ai-chat/idempotency.test.ts",
  feeds: "tests/database/model-feeds.test.ts",
  feedLaw: "tests/database/model-feed-law.test.ts",
  syncs: "tests/database/model-syncs.test.ts",
  tiers: "tests/shared/catalogue/price-tiers.test.ts",
  list: "tests/functions/models/list.test.ts",
  access: "tests/functions/models/access.test.ts",
};
