/**
 * Who is let in at which door. `in`: let in; `401`: unauthorized; the others are a 403: `scope`: scope_missing; `key`:
 * api_key_not_accepted; `admin`: administrators_only.
 */
const table = `
                                     chat   models  usage  people  administrators  administrators+jobs  services  jobs  anybody
the owner                            in     in      in     in      admin           admin                401       401   in
another person                       in     in      in     in      admin           admin                401       401   in
an administrator                     in     in      in     in      in              in                   401       401   in
nobody                               401    401     401    401     401             401                  401       401   in
a visitor with the publishable key   401    401     401    401     401             401                  401       401   in
the owner's key for chats            in     scope   scope  key     key             key                  401       401   in
the owner's key for models           scope  in      scope  key     key             key                  401       401   in
the owner's key for usage            scope  scope   in     key     key             key                  401       401   in
another's key for everything         in     in      in     key     key             key                  401       401   in
an administrator's key               in     in      in     key     key             key                  401       401   in
a key that was revoked               401    401     401    key     key             key                  401       401   in
a key that has expired               401    401     401    key     key             key                  401       401   in
a key that there is not              401    401     401    key     key             key                  401       401   in
a service                            401    401     401    401     401             401                  in        401   in
a secret key in a token's place      401    401     401    401     401             401                  401       401   in
a job                                401    401     401    401     401             in                   401       in    in
`;

const verdicts = {
  in: null,
  "401": "401 unauthorized",
  scope: "403 scope_missing",
  key: "403 api_key_not_accepted",
  admin: "403 administrators_only",
} as const;

const [heads = [], ...rows] = table
  .trim()
  .split("\n")
  .map((line) => line.trim().split(/ {2,}/));

/** Who calls, each in their own way. */
export const callerNames = rows.map(([name]) => name as string);

/** What a route asks of who calls. */
export type Door =
  | "chat"
  | "models"
  | "usage"
  | "people"
  | "administrators"
  | "administrators+jobs"
  | "services"
  | "jobs"
  | "anybody";

/** What somebody is told at a door; null for who is let in. */
export function judge(caller: string, door: Door): string | null {
  const verdict = rows.find(([name]) => name === caller)?.[heads.indexOf(door) + 1];
  if (verdict === undefined || !(verdict in verdicts))
    throw new Error(`The table does not say it: ${caller}, ${door}.`);
  return verdicts[verdict as keyof typeof verdicts];
}
