import { json } from "node:stream/consumers";
import { createDatabase } from "../../../shared/database/database.ts";
import { createSecret } from "../../../shared/domain/secret.ts";
import { startServer } from "../start-server.ts";

/** What an HTTP server in the database's place was asked: the name of the function, and its parameters. */
export interface Call {
  name: string;
  body: Record<string, unknown>;
}

/** A client of the database in front of an HTTP server that answers each call of a function as the test says. */
export async function startDatabase(answer: (call: Call) => { status?: number; body: unknown }) {
  const calls: Call[] = [];
  const url = await startServer(async (request, response) => {
    const name = request.url?.split("/").at(-1) ?? "";
    const call = { name, body: (await json(request)) as Call["body"] };
    calls.push(call);
    const { status = 200, body } = answer(call);
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  });
  return { database: createDatabase({ url, secretKey: createSecret("sb_secret_test"), fetch }), calls };
}
