/**
 * Rows of cells as lines with columns of equal width.
 * @param isNumber whether a column is aligned to the right
 */
export function aligned(rows: readonly (readonly string[])[], isNumber = (_column: number) => false): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((cells) => cells[column]!.length)));
  const padded = (cell: string, column: number) =>
    isNumber(column) ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!);
  return rows.map((cells) => cells.map(padded).join('  ').trimEnd());
}
