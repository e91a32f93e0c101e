/** A column of a table: its head, how wide it is, and what stands in it. */
export type Column<Row> = readonly [head: string, width: number, cell: (row: Row) => string];

/** A figure that a goal is set for. */
export interface Goal {
  name: string;
  figure: number;
  decimals: number;
  limit: "at least" | "at most";
  value: number;
}

export function tableHead<Row>(columns: readonly Column<Row>[]): string {
  return columns.map(([head, width]) => head.padStart(width)).join(" ");
}

export function tableRow<Row>(columns: readonly Column<Row>[], row: Row): string {
  return columns.map(([, width, cell]) => cell(row).padStart(width)).join(" ");
}

/** The goals beside their figures. One that could not be measured is neither met nor missed. */
export function formatGoals(goals: readonly Goal[]): string {
  const nameWidth = Math.max(0, ...goals.map(({ name }) => name.length));
  return goals
    .map(({ name, figure, decimals, limit, value }) => {
      const isMet = limit === "at least" ? figure >= value : figure <= value;
      const verdict = Number.isNaN(figure) ? "not measured" : isMet ? "met" : "MISSED";
      const figureText = format(figure, decimals).padStart(8);
      return `  ${name.padEnd(nameWidth)} ${figureText}  ${limit} ${value}: ${verdict}`;
    })
    .join("\n");
}

/** A number with so many decimals; a dash for what was not measured. */
export function format(value: number, decimals: number): string {
  return Number.isNaN(value) ? "–" : value.toFixed(decimals);
}

export function mebibytes(bytes: number): string {
  return format(bytes / 2 ** 20, 0);
}
