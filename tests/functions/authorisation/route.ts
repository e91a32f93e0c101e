import type { Door } from "./matrix.ts";
import type { Call } from "./things.ts";
import type { World } from "./world.ts";

export interface Route {
  /** Method and path, as the function has them. */
  route: string;
  /** Where one route is there more than once. */
  what?: string;
  door: Door;
  /** What those are told who are let in: a status, and the code of an error that nobody else can get. */
  told: string;
  /** The same for those who are let in and do not have what the call names. */
  toOthers?: string;
  prepare?(world: World): Promise<Call> | Call;
}
