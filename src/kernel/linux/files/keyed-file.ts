import type { ByteScanner, KernelFile, KeyedFile } from '../../contracts/index.js';
import type { DescriptorBudget } from './descriptor-budget.js';
import { readUnsigned } from './unsigned.js';

const NEWLINE = 0x0a;
const SPACE = 0x20;

/** A wanted key as it was found in the file. */
interface Place {
  /** The key with the blank behind it. */
  readonly key: Buffer;
  /** Index in `keys`. */
  readonly index: number;
  /** Bytes between the end of the wanted value before (or the file's start) and this key's line. */
  gap: number;
}

/**
 * A file of `key value` lines. It learns in which order the wanted keys stand and how far they are apart, so that a
 * steady file is read by looking at the wanted lines alone; a line that moved is searched for, and when one is not
 * found where the order says, everything is learned anew. Keys are taken to be unique, as the kernel writes them.
 */
export class BudgetedKeyedFile implements KeyedFile {
  readonly keys: readonly string[];
  readonly values: Float64Array;
  readonly residuals: Int16Array;
  private readonly file: KernelFile;
  private readonly scanner: ByteScanner;
  private readonly wanted: ReadonlyMap<string, number>;
  private places: Place[] = [];
  /** Tells the keys of one layout from another's; only looked at while wanted keys are missing. */
  private signature = Number.NaN;

  constructor(file: KernelFile, keys: readonly string[], budget: DescriptorBudget) {
    this.file = file;
    this.scanner = budget.scanner;
    this.keys = keys;
    this.wanted = new Map(keys.map((key, index) => [key, index]));
    this.values = new Float64Array(keys.length).fill(Number.NaN);
    this.residuals = new Int16Array(keys.length);
  }

  get path(): string {
    return this.file.path;
  }

  get failure(): string | undefined {
    return this.file.failure;
  }

  read(): boolean {
    const length = this.file.read();
    if (length < 0) return false;
    const { buffer } = this.file;
    this.scanner.reset(buffer, length);
    if (!this.readPlaces(buffer, length)) this.learn(buffer, length);
    return true;
  }

  close(): void {
    this.file.close();
  }

  private readPlaces(bytes: Buffer, end: number): boolean {
    const { places, scanner } = this;
    if (places.length < this.keys.length && this.signature !== signatureOf(bytes, end)) return false;
    for (let i = 0; i < places.length; i++) {
      const place = places[i]!;
      const from = scanner.position;
      const line = from + place.gap;
      scanner.position = line;
      if ((line > 0 && bytes[line - 1] !== NEWLINE) || !scanner.literal(place.key)) {
        if (!this.search(place, bytes, from)) return false;
      }
      this.take(place.index);
    }
    return true;
  }

  /** Looks for the place's line from `from` on. @returns whether it is there, with the scanner at its value */
  private search(place: Place, bytes: Buffer, from: number): boolean {
    const { scanner } = this;
    scanner.position = from;
    let line = from;
    while (line < scanner.end) {
      if ((line === 0 || bytes[line - 1] === NEWLINE) && scanner.literal(place.key)) {
        place.gap = line - from;
        return true;
      }
      if (!scanner.nextLine()) return false;
      line = scanner.position;
    }
    return false;
  }

  /** Reads the value at the scanner's position. */
  private take(index: number): void {
    const { scanner } = this;
    const good = readUnsigned(scanner);
    this.values[index] = good ? scanner.value : Number.NaN;
    this.residuals[index] = good ? scanner.residual : 0;
  }

  private learn(bytes: Buffer, end: number): void {
    const { scanner } = this;
    scanner.position = 0;
    this.signature = signatureOf(bytes, end);
    this.places = [];
    this.values.fill(Number.NaN);
    this.residuals.fill(0);
    let from = 0;
    const seen = new Set<number>();
    while (scanner.position < end) {
      const line = scanner.position;
      scanner.skipWord();
      const stop = scanner.position;
      const index =
        stop < end && bytes[stop] === SPACE ? this.wanted.get(bytes.toString('utf8', line, stop)) : undefined;
      if (index !== undefined && !seen.has(index)) {
        seen.add(index);
        scanner.position = stop + 1;
        this.places.push({ key: Buffer.from(bytes.subarray(line, stop + 1)), index, gap: line - from });
        this.take(index);
        from = scanner.position;
      }
      scanner.nextLine();
    }
  }
}

/** A number that changes with the file's keys and their order. */
function signatureOf(bytes: Buffer, end: number): number {
  let hash = 0;
  let at = 0;
  while (at < end) {
    let byte = bytes[at++]!;
    while (byte !== SPACE && byte !== NEWLINE) {
      hash = (Math.imul(hash, 31) + byte) | 0;
      if (at >= end) return hash;
      byte = bytes[at++]!;
    }
    hash = (Math.imul(hash, 31) + byte) | 0;
    while (byte !== NEWLINE && at < end) byte = bytes[at++]!;
  }
  return hash;
}
