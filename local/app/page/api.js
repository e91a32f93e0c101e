// @ts-check

/** A refusal of the API: its message is written for people, its code for programs. */
export class ApiError extends Error {
  /**
   * @param {string} message
   * @param {{ status: number, code?: string, retryAfterMs?: number }} details
   */
  constructor(message, { status, code = "", retryAfterMs = 0 }) {
    super(message);
    this.status = status;
    this.code = code;
    this.retryAfterMs = retryAfterMs;
  }
}

/**
 * Calls the API as the person who is signed in, whose session is kept in `storage`. All that it returns throws an ApiError.
 * @param {{ apiUrl: string, publishableKey: string, storage: Storage }} options
 */
export function createApi({ apiUrl, publishableKey, storage }) {
  const name = "session";
  return {
    /** @returns {string | null} the e-mail address; null for nobody */
    signedInAs: () => readSession()?.email ?? null,

    /** @param {string} email @param {string} password */
    async signIn(email, password) {
      const answer = await call("POST", "auth/v1/token?grant_type=password", { email, password });
      storage.setItem(name, JSON.stringify({ email, token: answer.access_token }));
    },

    async signOut() {
      // Where that fails, the session ends by itself; here it is over.
      await call("POST", "auth/v1/logout?scope=local").catch(() => {});
      storage.removeItem(name);
    },

    /** @param {string} path of a function */
    get: (path) => call("GET", `functions/v1/${path}`),

    /** @param {string} path of a function @param {object} [body] */
    post: (path, body) => call("POST", `functions/v1/${path}`, body),
  };

  /** @returns {{ email: string, token: string } | null} */
  function readSession() {
    return JSON.parse(storage.getItem(name) ?? "null");
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {object} [body]
   */
  async function call(method, path, body) {
    const token = readSession()?.token;
    const response = await fetch(`${apiUrl}/${path}`, {
      method,
      headers: {
        apikey: publishableKey,
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      body: body === undefined ? null : JSON.stringify(body),
    });
    const text = await response.text();
    const answer = text === "" ? null : JSON.parse(text);
    if (response.ok) return answer;
    // Functions say `{ error: { message, code } }`, the sign-in service `{ msg, error_code }`.
    const { message = answer?.msg, code = answer?.error_code } = answer?.error ?? answer ?? {};
    const retryAfterMs = Number(response.headers.get("retry-after") ?? 0) * 1000;
    if (response.status === 401) storage.removeItem(name);
    throw new ApiError(message ?? `The answer is ${response.status}.`, {
      status: response.status,
      code,
      retryAfterMs,
    });
  }
}
