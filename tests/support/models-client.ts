import { inject } from "vitest";
import type { ListedModel } from "../../shared/catalogue/listed-model.ts";
import type { ErrorBody } from "../../shared/domain/errors.ts";

export interface ModelsAnswer<Body> {
  status: number;
  headers: Headers;
  /** Null where there is none. */
  body: Body & ErrorBody;
}

/** What `GET models` answers. */
export interface ListBody {
  success: true;
  models: ListedModel[];
  defaultModel: string | null;
  unavailableDefaultModel: string | null;
  recommendedModels: string[];
}

/** Calls `models` as an app does, through the gateway unless another address is given. */
export function createModelsClient(url = `${inject("stack").apiUrl}/functions/v1/models`) {
  async function get<Body>(
    path: string,
    {
      token,
      headers = {},
      method = "GET",
    }: { token?: string; headers?: Record<string, string>; method?: string } = {},
  ): Promise<ModelsAnswer<Body>> {
    const response = await fetch(url + path, {
      method,
      headers: { ...(token === undefined ? {} : { authorization: `Bearer ${token}` }), ...headers },
    });
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      body: (text === "" ? null : JSON.parse(text)) as Body & ErrorBody,
    };
  }

  return {
    get,
    list: (caller: { token: string }, query = "") => get<ListBody>(query, { token: caller.token }),
    find: (caller: { token: string }, id: string) =>
      get<{ success: true; model: ListedModel }>(`/${id}`, { token: caller.token }),
  };
}
