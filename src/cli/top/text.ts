import { printable } from '../../kernel/contracts/index.js';

/** Placeholder for an unknown number. */
export const UNKNOWN = '-';

const UNITS = ['B', 'K', 'M', 'G', 'T', 'P'];

/** At most five characters: `512B`, `9.8K`, `120M`. */
export function size(bytes: number | null): string {
  if (bytes === null) return UNKNOWN;
  let scaled = bytes;
  let unit = 0;
  // What would be rounded up to 1024 is 1 of the next unit.
  while (scaled >= 1023.5 && unit < UNITS.length - 1) {
    scaled /= 1024;
    unit++;
  }
  return `${unit > 0 && scaled < 9.95 ? scaled.toFixed(1) : scaled.toFixed(0)}${UNITS[unit]}`;
}

/** A share as percent, without the sign: `7.3`, `85`. */
export function percent(share: number | null): string {
  if (share === null) return UNKNOWN;
  const value = share * 100;
  return value > 0 && value < 9.95 ? value.toFixed(1) : value.toFixed(0);
}

export function count(value: number | null | undefined): string {
  return value === null || value === undefined ? UNKNOWN : String(value);
}

const ZERO_WIDTH = /^[\p{Mn}\p{Me}\p{Cf}]$/u;
const WIDE =
  /^[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]$/u;
const ASCII = /^[\x20-\x7e]*$/;

/** Width of a character in terminal cells. */
function cellsOf(character: string): number {
  if (ZERO_WIDTH.test(character)) return 0;
  return WIDE.test(character) ? 2 : 1;
}

/** Text of a container as one line without control characters. */
export function line(text: string): string {
  return ASCII.test(text) ? text : printable(text).replaceAll('\t', '\\t').replaceAll('\n', '\\n');
}

/** Cuts or pads a text to a number of terminal cells. A cut text ends with `~`. */
export function fit(text: string, cells: number, alignRight = false): string {
  const shown = line(text);
  if (ASCII.test(shown)) {
    if (shown.length > cells) return cells > 0 ? `${shown.slice(0, cells - 1)}~` : '';
    return alignRight ? shown.padStart(cells) : shown.padEnd(cells);
  }
  const characters = [...shown];
  const width = characters.reduce((total, character) => total + cellsOf(character), 0);
  const blanks = ' '.repeat(Math.max(0, cells - width));
  if (width <= cells) return alignRight ? `${blanks}${shown}` : `${shown}${blanks}`;
  let taken = '';
  let used = 0;
  for (const character of characters) {
    const next = cellsOf(character);
    if (used + next > cells - 1) break;
    taken += character;
    used += next;
  }
  return `${taken}~${' '.repeat(Math.max(0, cells - 1 - used))}`;
}

const BARS = '▁▂▃▄▅▆▇█';

/** The newest values as a line of bars, the oldest first. @param top value of a full bar; default: the greatest */
export function sparkline(values: readonly (number | null)[], cells: number, top?: number): string {
  const shown = values.slice(-cells);
  const greatest = top ?? Math.max(0, ...shown.map((value) => value ?? 0));
  const bars = shown.map((value) => {
    if (value === null) return ' ';
    if (greatest === 0) return BARS[0]!;
    return BARS[Math.min(BARS.length - 1, Math.floor((value / greatest) * (BARS.length - 0.001)))]!;
  });
  return bars.join('').padStart(cells);
}
