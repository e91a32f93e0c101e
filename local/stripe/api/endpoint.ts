import { z } from "zod";
import { pageOf, pageParameters } from "./page.ts";
import { list, read, text } from "./parameters.ts";

/** One call of the API. */
export interface Endpoint {
  method: string;
  /** With `:id` where an id stands. */
  path: string;
  pattern: RegExp;
  /** Reads the parameters and does what is asked; returns the answer and what is to be expanded in it. */
  run(ids: string[], raw: unknown): { answer: object; expand: string[] };
}

const expansion = { expand: list(text).optional() };

/** Makes a call from its route, `POST /v1/customers/:id`, the shape of its parameters and what it does. */
export function endpoint<Shape extends z.ZodRawShape>(
  route: string,
  shape: Shape,
  answer: (params: z.infer<z.ZodObject<Shape>>, ...ids: string[]) => object,
): Endpoint {
  const [method = "", path = ""] = route.split(" ");
  const schema = z.strictObject({ ...shape, ...expansion });
  return {
    method,
    path,
    pattern: new RegExp(`^${path.replaceAll(":id", "([^/]+)")}$`),
    run(ids, raw) {
      const { expand = [], ...params } = read(schema, raw) as { expand?: string[] };
      return { answer: answer(params as z.infer<z.ZodObject<Shape>>, ...ids), expand };
    },
  };
}

/** The same for a list: `find` returns all objects that match, in order of creation; the answer is a page of them, newest first. */
export function listEndpoint<Shape extends z.ZodRawShape, Item extends { id: string }>(
  route: string,
  shape: Shape,
  find: (params: z.infer<z.ZodObject<Shape>>, ...ids: string[]) => Item[],
): Endpoint {
  const url = route.split(" ")[1] ?? "";
  return endpoint(route, { ...shape, ...pageParameters }, (params, ...ids) => {
    const asked = params as z.infer<z.ZodObject<Shape>> & z.infer<z.ZodObject<typeof pageParameters>>;
    return pageOf(find(asked, ...ids).reverse(), asked, url.replace(":id", ids[0] ?? ""));
  });
}
