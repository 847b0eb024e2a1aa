import assert from 'node:assert/strict';
import fc from 'fast-check';

/** Any text, and texts that are put together from these pieces. */
export function textOf(...pieces: readonly string[]): fc.Arbitrary<string> {
  return fc.oneof(
    fc.string(),
    fc.array(fc.constantFrom(...pieces)).map((chosen) => chosen.join('')),
  );
}

/** Cells come in the order of the text, and each that has a column begins as a number does. */
export function assertCells(text: string, cells: Iterable<{ at: number; column?: unknown }>, begins = /\d/): void {
  let last = -1;
  for (const { at, column } of cells) {
    assert.ok(at > last);
    if (column !== undefined) assert.match(text[at]!, begins);
    last = at;
  }
}
