/** CSV (RFC 4180) that a spreadsheet shows and never runs. */

/** What a spreadsheet takes for the start of a formula, the full-width forms too (OWASP "CSV Injection"). */
const formulaStart = /^[=+\-@＝＋－＠\t\r\n]/;

/** One line with its line end. Texts that look like formulas get a leading apostrophe. */
export function csvLine(cells: readonly (string | number)[]): string {
  return `${cells.map(csvCell).join(",")}\r\n`;
}

function csvCell(cell: string | number): string {
  if (typeof cell === "number") return String(cell);
  const safe = formulaStart.test(cell) ? `'${cell}` : cell;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
