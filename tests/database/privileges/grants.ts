import type { Grants } from "../../support/read-privileges.ts";

export const nobody: Grants = {};
export const readOnly: Grants = { service_role: "select" };
export const counted: Grants = { service_role: "insert, select, update" };
export const written: Grants = { service_role: "delete, insert, select, update" };
export const callable: Grants = { service_role: "execute" };
