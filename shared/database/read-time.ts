/** A time of the database in ISO 8601; null for none. */
export function readTime(time: string): string;
export function readTime(time: string | null): string | null;
export function readTime(time: string | null): string | null {
  return time === null ? null : new Date(time).toISOString();
}
