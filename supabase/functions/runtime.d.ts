// What the entries of the functions use of Deno, which their other checks do not know.

declare const Deno: { env: { get(name: string): string | undefined } };
