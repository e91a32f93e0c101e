import { execFile } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { listFiles, root } from "../architecture/list-files.ts";
import { type ManagementApi, startManagementApi } from "./management-api.ts";

const run = promisify(execFile);
const tools = join(root, "node_modules", ".bin");
const project = "abcdefghijklmnopqrst";
// Of the form that the CLI demands, and plainly of no account.
const token = `sbp_${"0".repeat(40)}`;

/** A copy of the project in a temporary folder, with a home folder for the tools that run in it. */
export interface ProjectCopy {
  /** Names of the functions: the folders with an index.ts. */
  functions: string[];
  write: (path: string, text: string) => void;
  /** Deploys every function with the real CLI; `environment` is what its process sees beside what it needs. */
  deploy: (environment?: Record<string, string>) => Promise<Pick<ManagementApi, "deployments" | "refused">>;
  /** The files of the project that a function imports, directly or not, as Deno itself finds them; missing ones too. */
  importsOf: (name: string) => Promise<string[]>;
  remove: () => void;
}

/** Copies the project, so that the CLI, which writes where it runs, leaves the original alone. */
export function copyProject(): ProjectCopy {
  const temporary = realpathSync(mkdtempSync(join(tmpdir(), "deploy-")));
  const folder = join(temporary, "project");
  const write = (path: string, text: string) => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  };
  const files = listFiles();
  for (const path of files) cpSync(join(root, path), join(folder, path));
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"), "dir");

  const settings = {
    PATH: `${dirname(process.execPath)}:${process.env.PATH}`,
    HOME: temporary,
    DENO_DIR: join(temporary, "deno"),
    DENO_NO_UPDATE_CHECK: "1",
    DO_NOT_TRACK: "1",
    SUPABASE_TELEMETRY_DISABLED: "1",
    SUPABASE_ACCESS_TOKEN: token,
  };

  return {
    functions: files.flatMap((path) => /^supabase\/functions\/([^/]+)\/index\.ts$/.exec(path)?.[1] ?? []),
    write,
    deploy: async (environment = {}) => {
      const api = await startManagementApi(project, token);
      try {
        const profile = join(temporary, "profile.json");
        const { url } = api;
        writeFileSync(
          profile,
          JSON.stringify({
            name: "test",
            api_url: url,
            dashboard_url: url,
            docs_url: url,
            project_host: "localhost",
          }),
        );
        const command = [
          "functions",
          "deploy",
          "--use-api",
          `--remote=${project}`,
          "--yes",
          "--profile",
          profile,
        ];
        await run(join(tools, "supabase"), command, { cwd: folder, env: { ...environment, ...settings } });
        return { deployments: api.deployments, refused: api.refused };
      } finally {
        await api.close();
      }
    },
    importsOf: async (name) => {
      const { stdout } = await run(
        join(tools, "deno"),
        ["info", "--json", `supabase/functions/${name}/index.ts`],
        {
          cwd: folder,
          env: settings,
          maxBuffer: 64 * 1024 * 1024,
        },
      );
      const { modules } = JSON.parse(stdout) as { modules: { specifier: string }[] };
      const here = `${pathToFileURL(folder).href}/`;
      return modules
        .map(({ specifier }) => specifier)
        .filter((specifier) => specifier.startsWith(here))
        .map((specifier) => decodeURIComponent(specifier.slice(here.length)));
    },
    remove: () => rmSync(temporary, { recursive: true, force: true }),
  };
}
