/** What stands for a number that is not known. */
export const UNKNOWN = '–';

const BINARY = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'];

/** What is known, or may be. */
type Maybe = number | null | undefined;

function isKnown(value: Maybe): value is number {
  return Number.isFinite(value);
}

/** `312 MiB`, `1.5 GiB`. */
export function bytes(value: Maybe): string {
  if (!isKnown(value)) return UNKNOWN;
  let scaled = value;
  let unit = 0;
  // What would round to 1024 is the next unit's 1.
  while (Math.abs(scaled) >= 1023.5 && unit < BINARY.length - 1) {
    scaled /= 1024;
    unit++;
  }
  return `${short(scaled)} ${BINARY[unit]}`;
}

/** `1.2 MiB/s` */
export function byteRate(value: Maybe): string {
  return isKnown(value) ? `${bytes(value)}/s` : UNKNOWN;
}

/** `0.25 cores` */
export function cores(value: Maybe): string {
  if (!isKnown(value)) return UNKNOWN;
  return `${plain(value)} ${value === 1 ? 'core' : 'cores'}`;
}

/** `0.25`: a number without its unit, where the head of the column has it. */
export function plain(value: Maybe): string {
  if (!isKnown(value)) return UNKNOWN;
  return value < 0.1 ? trimmed(value, 3) : short(value);
}

/** `12.5 %` @param value 12.5 */
export function percent(value: Maybe): string {
  return isKnown(value) ? `${short(value)} %` : UNKNOWN;
}

/** Three digits that matter, no more than two after the point. */
function short(value: number): string {
  const size = Math.abs(value);
  return trimmed(value, size >= 99.95 ? 0 : size >= 9.995 ? 1 : 2);
}

function trimmed(value: number, digits: number): string {
  return String(Number(value.toFixed(digits)));
}
