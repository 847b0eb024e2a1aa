import type { ByteScanner } from '../../contracts/index.js';

const NEWLINE = 0x0a;
const MAX = Buffer.from('max');
const TWO_64 = 2 ** 64;

/**
 * Reads the unsigned integer that fills the rest of the line at the scanner's position; `max` is 2^64 − 1.
 * @returns false when something else stands there; the scanner may have moved, but not beyond the line
 */
export function readUnsigned(scanner: ByteScanner): boolean {
  if (scanner.integer()) return scanner.value >= 0 && atLineEnd(scanner);
  if (!scanner.literal(MAX)) return false;
  scanner.value = TWO_64;
  scanner.residual = -1;
  return atLineEnd(scanner);
}

function atLineEnd(scanner: ByteScanner): boolean {
  const next = scanner.peek();
  return next === NEWLINE || next < 0;
}
