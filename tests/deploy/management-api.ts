import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";

/** One function as the CLI uploaded it. */
export interface Deployment {
  name: string;
  verifyJwt: unknown;
  entrypointPath: unknown;
  importMapPath: unknown;
  /** Path from the root of the project → text. */
  files: Map<string, string>;
}

export interface ManagementApi {
  url: string;
  /** The functions that are live, by name. */
  deployments: Map<string, Deployment>;
  /** Method and path of each call that was not understood or not authorised. */
  refused: string[];
  close: () => Promise<void>;
}

interface Answer {
  status: number;
  body: unknown;
}

/**
 * Starts an imitation of the part of Supabase's management API that `supabase functions deploy --use-api` calls, on a
 * free port. Takes the only project it knows and the access token it accepts. As on the real one, a function
 * that was sent with `bundleOnly` goes live with the list that follows.
 */
export async function startManagementApi(project: string, token: string): Promise<ManagementApi> {
  const uploaded = new Map<string, Deployment>();
  const deployments: ManagementApi["deployments"] = new Map();
  const refused: string[] = [];
  const path = `/v1/projects/${project}`;

  const goLive = (name: string) => {
    const deployment = uploaded.get(name);
    if (deployment === undefined) throw new Error(`${name} goes live and was never uploaded`);
    deployments.set(name, deployment);
  };

  const answer = async (request: Request): Promise<Answer | undefined> => {
    const url = new URL(request.url);
    if (request.headers.get("authorization") !== `Bearer ${token}`) return undefined;
    switch (`${request.method} ${url.pathname}`) {
      case `GET ${path}`:
        return { status: 200, body: describeProject(project) };
      case `POST ${path}/functions/deploy`: {
        const deployment = await readDeployment(request);
        uploaded.set(deployment.name, deployment);
        if (url.searchParams.get("bundleOnly") !== "true") goLive(deployment.name);
        return { status: 201, body: describeFunction(deployment.name) };
      }
      case `PUT ${path}/functions`: {
        const listed = (await request.json()) as { slug: string }[];
        for (const { slug } of listed) goLive(slug);
        return { status: 200, body: { functions: listed } };
      }
      default:
        return undefined;
    }
  };

  const server = createServer(async (incoming, outgoing) => {
    const request = await readRequest(incoming);
    const found = await answer(request).catch((error: unknown) => ({
      status: 400,
      body: { message: String(error) },
    }));
    if (found === undefined) refused.push(`${incoming.method} ${incoming.url}`);
    const { status, body } = found ?? { status: 404, body: { message: "not imitated" } };
    outgoing.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    deployments,
    refused,
    close: () =>
      new Promise((resolve, reject) => server.close((error) => (error ? reject(error) : resolve()))),
  };
}

async function readRequest(incoming: IncomingMessage): Promise<Request> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  for await (const chunk of incoming) chunks.push(chunk);
  const headers = Object.entries(incoming.headers).map(([name, value]): [string, string] => [
    name,
    String(value),
  ]);
  const method = incoming.method ?? "GET";
  return new Request(`http://management.test${incoming.url}`, {
    method,
    headers,
    body: method === "GET" ? null : new Blob(chunks),
  });
}

/** Reads an upload: `metadata` is JSON, every other part a file under its path from the root of the project. */
async function readDeployment(request: Request): Promise<Deployment> {
  const form = await request.formData();
  const metadata = JSON.parse(String(form.get("metadata")));
  const files = new Map<string, string>();
  for (const file of form.getAll("file")) {
    if (typeof file === "string") throw new Error("a file was uploaded without a name");
    files.set(file.name, await file.text());
  }
  return {
    name: metadata.name,
    verifyJwt: metadata.verify_jwt,
    entrypointPath: metadata.entrypoint_path,
    importMapPath: metadata.import_map_path,
    files,
  };
}

function describeProject(project: string) {
  return {
    id: project,
    ref: project,
    name: "test",
    organization_id: "test",
    organization_slug: "test",
    region: "eu-central-1",
    status: "ACTIVE_HEALTHY",
    created_at: "2026-01-01T00:00:00Z",
    database: { host: "db.test", version: "17", postgres_engine: "17", release_channel: "ga" },
  };
}

function describeFunction(name: string) {
  return { id: name, slug: name, name, status: "ACTIVE", version: 1, created_at: 1, updated_at: 1 };
}
