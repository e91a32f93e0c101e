import { json } from "node:stream/consumers";
import { describe, expect, test } from "vitest";
import { createConversations } from "../../../shared/database/conversations.ts";
import { createDatabase, isItemFault, unwrap } from "../../../shared/database/database.ts";
import { createSecret } from "../../../shared/domain/secret.ts";
import { startServer } from "../start-server.ts";
import { rejectionOf, thrownBy } from "../thrown-by.ts";

const failure = (status: number, code: string, message = "permission denied for table holds") => ({
  data: null,
  error: { code, message },
  status,
});

/** A client of the database at an address. */
const connect = (url: string) => createDatabase({ url, secretKey: createSecret("sb_secret_test"), fetch });

test("data is given back as it is, also when it is empty", () => {
  for (const data of [[], {}, "", 0, false, [{ id: 1 }]])
    expect(unwrap({ data, error: null, status: 200 })).toBe(data);
});

describe("an answer without data is", () => {
  test.each([
    [0, "", "database_unavailable", "no answer at all"],
    [400, "", "database_unavailable", "a session that ended within the call"],
    [502, "", "database_unavailable", "a gateway without PostgREST"],
    [503, "PGRST001", "database_unavailable", "PostgREST without Postgres"],
    [504, "PGRST003", "database_unavailable", "no connection free in time"],
    [500, "57P01", "database_unavailable", "Postgres shutting down"],
    [500, "57014", "database_unavailable", "a statement that took too long"],
    [500, "53300", "database_unavailable", "too many connections"],
    [503, "53100", "database_unavailable", "a full disk"],
    [503, "08006", "database_unavailable", "a broken connection"],
    [500, "40001", "database_unavailable", "a serialization failure"],
    [500, "40P01", "database_unavailable", "a deadlock"],
    [500, "55P03", "database_unavailable", "a row that somebody keeps locked"],
    [405, "25006", "database_unavailable", "a database that is read-only"],
    [400, "0A000", "database_unavailable", "a database that is a standby"],
    [500, "SL404", "conversation_not_found", "an error that we raise ourselves"],
    [400, "22P02", "internal_error", "a text that is no UUID"],
    [409, "23505", "internal_error", "a row that exists"],
    [403, "42501", "internal_error", "a right that is missing"],
    [404, "PGRST202", "internal_error", "a function that is missing"],
    [401, "PGRST301", "internal_error", "a key that is wrong"],
    [500, "XX000", "internal_error", "a fault of Postgres"],
  ])("%i %s: %s, for %s", (status, sqlState, code) => {
    const error = thrownBy(() => unwrap(failure(status, sqlState)));
    expect(error.code).toBe(code);
    expect((error.cause as Error).message).toBe(`${status} ${sqlState}: permission denied for table holds`);
    expect(JSON.stringify(error.toBody())).not.toContain("holds");
  });

  test.each([
    [520, "database_unavailable", "a proxy that got nothing it understands"],
    [524, "database_unavailable", "a proxy that waited long enough"],
    [500, "database_unavailable", "a gateway that failed"],
    [200, "database_unavailable", "one that is garbled"],
    [401, "internal_error", "a gateway that does not know the key"],
    [404, "internal_error", "a gateway that does not know the address"],
  ])("%i without a code: %s, for %s, whose text stays out of the log", (status, code) => {
    const answer = { data: null, error: { message: '[{"history":"a secret' }, status };
    const error = thrownBy(() => unwrap(answer));
    expect([error.code, (error.cause as Error).message]).toEqual([code, `${status} from elsewhere`]);
    expect(isItemFault(error)).toBe(code === "internal_error");
  });

  test.each([
    ["22P02", true],
    ["23505", true],
    ["55P03", true],
    ["40P01", true],
    ["57014", false],
    ["53300", false],
    ["", false],
  ])("with %s about one item of a call: %s", (sqlState, expected) => {
    const status = sqlState === "" ? 0 : 500;
    expect(isItemFault(thrownBy(() => unwrap(failure(status, sqlState))))).toBe(expected);
  });

  test("internal_error where nothing says why", () => {
    for (const data of [null, undefined])
      expect(thrownBy(() => unwrap({ data, error: null, status: 200 })).code).toBe("internal_error");
  });
});

describe("the client", () => {
  test("calls with the rights of the service, and hands on what it is given", async () => {
    const { promise, resolve } = Promise.withResolvers<unknown>();
    const url = await startServer(async (request, response) => {
      const { url: path, method, headers } = request;
      resolve({ path, method, apikey: headers.apikey, body: await json(request) });
      response.setHeader("content-type", "application/json").end('[{"hold_id":"1"}]');
    });
    expect(unwrap(await connect(url).rpc("begin_chats", { items: [{ a: 1 }] }))).toEqual([{ hold_id: "1" }]);
    expect(await promise).toEqual({
      path: "/rest/v1/rpc/begin_chats",
      method: "POST",
      apikey: "sb_secret_test",
      body: { items: [{ a: 1 }] },
    });
  });

  test("says that the service is away where nothing answers, or breaks off", async () => {
    const broken = await startServer((request) => request.socket.destroy());
    for (const url of ["http://127.0.0.1:1", broken]) {
      const answer = await connect(url).rpc("begin_chats", { items: [] });
      expect(thrownBy(() => unwrap(answer)).code).toBe("database_unavailable");
    }
  });

  test("says that the service is away where an answer is garbled or another server's page", async () => {
    const answers: [status: number, body: string][] = [
      [200, '[{"hold_id":'],
      [200, "<html>Hello</html>"],
      [520, "<html>Web server is returning an unknown error</html>"],
      [500, '{"message":"An unexpected error occurred"}'],
    ];
    for (const [status, body] of answers) {
      const url = await startServer((request, response) => {
        request.resume();
        response.writeHead(status).end(body);
      });
      const answer = await connect(url).rpc("begin_chats", { items: [] });
      const { code, cause } = thrownBy(() => unwrap(answer));
      expect([code, (cause as Error).message]).toEqual(["database_unavailable", `${status} from elsewhere`]);
    }
  });

  test("tries once: whoever asked decides whether to ask again", async () => {
    let calls = 0;
    const url = await startServer((request, response) => {
      calls++;
      request.resume();
      response
        .writeHead(503, { "content-type": "application/json" })
        .end('{"code":"PGRST001","message":"down"}');
    });
    const conversations = createConversations(connect(url));
    const listing = conversations.list("6f1de8b1-6f3c-4b68-9a4e-0d4b4f3f2a10", {
      limit: 20,
      cursor: undefined,
    });
    expect((await rejectionOf(listing)).code).toBe("database_unavailable");
    expect(calls).toBe(1);
  });
});

test.each([
  ["a word", "next"],
  ["base64 of no JSON", btoa("next")],
  ["a position in another list", btoa("[7]")],
  [
    "a filter of its own",
    btoa(JSON.stringify(['2026-11-20",id.gt.0', "6f1de8b1-6f3c-4b68-9a4e-0d4b4f3f2a10"])),
  ],
  ["no id", btoa(JSON.stringify(["2026-11-20T11:00:00+00:00", "id.gt.0"]))],
])("a cursor that is %s is refused before the database is asked", async (_what, cursor) => {
  let calls = 0;
  const url = await startServer((_request, response) => {
    calls++;
    response.end("[]");
  });
  const conversations = createConversations(connect(url));
  const error = await rejectionOf(
    conversations.list("6f1de8b1-6f3c-4b68-9a4e-0d4b4f3f2a10", { limit: 20, cursor }),
  );
  expect(error.toBody().error).toMatchObject({ code: "invalid_request", param: "cursor" });
  expect(calls).toBe(0);
});
