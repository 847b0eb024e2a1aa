import type { ByteScanner } from '../../contracts/bytes/index.js';
import type { KernelFile, KeyedFile } from '../../contracts/index.js';
import type { DescriptorBudget } from './descriptor-budget.js';
import { readUnsigned } from './kernel-file.js';
import type { KeyedShape, KeyOrder } from './keyed-shape.js';

const NEWLINE = 0x0a;
const SPACE = 0x20;

/**
 * A file of `key value` lines. The order and distances of the wanted keys are remembered, so that only the wanted lines of
 * an unchanged layout are parsed. A line that moved is searched for; when the order changed, the layout is learned again.
 * Keys are assumed to be unique, as the kernel writes them.
 */
export class BudgetedKeyedFile implements KeyedFile {
  private readonly shape: KeyedShape;
  private readonly scanner: ByteScanner;
  private order: KeyOrder | undefined;
  /** Bytes from the end of the previous wanted value (or the start of the file) to the line of each wanted key. */
  private gaps: number[] = [];

  constructor(
    private readonly file: KernelFile,
    readonly keys: readonly string[],
    budget: DescriptorBudget,
  ) {
    this.scanner = budget.scanner;
    this.shape = budget.shapeOf(keys);
  }

  get values(): Float64Array {
    return this.shape.values;
  }

  get residuals(): Int16Array {
    return this.shape.residuals;
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
    if (!this.readKnownLayout(buffer, length) && !this.adoptLayout(buffer, length)) this.learn(buffer, length);
    return true;
  }

  close(): void {
    this.file.close();
  }

  private readKnownLayout(bytes: Buffer, end: number): boolean {
    const { order, scanner, gaps } = this;
    if (order === undefined) return false;
    const { words, indexes } = order;
    if (words.length < this.keys.length) {
      if (order.signature !== signatureOf(bytes, end)) return false;
      this.shape.values.fill(Number.NaN);
    }
    for (let i = 0; i < words.length; i++) {
      const from = scanner.position;
      const line = from + gaps[i]!;
      scanner.position = line;
      if ((line > 0 && bytes[line - 1] !== NEWLINE) || !scanner.literal(words[i]!)) {
        if (!this.search(i, words[i]!, bytes, from)) return false;
      }
      this.parseValue(indexes[i]!);
    }
    return true;
  }

  /** Searches for a wanted line. @returns whether it was found, with the scanner at its value */
  private search(position: number, word: Buffer, bytes: Buffer, from: number): boolean {
    const { scanner } = this;
    scanner.position = from;
    let line = from;
    while (line < scanner.end) {
      if ((line === 0 || bytes[line - 1] === NEWLINE) && scanner.literal(word)) {
        this.gaps[position] = line - from;
        return true;
      }
      if (!scanner.nextLine()) return false;
      line = scanner.position;
    }
    return false;
  }

  private parseValue(index: number): void {
    const { scanner, shape } = this;
    const isValid = readUnsigned(scanner);
    shape.values[index] = isValid ? scanner.value : Number.NaN;
    shape.residuals[index] = isValid ? scanner.residual : 0;
  }

  /** Takes the order of the file learned last, which files of other containers have too. @returns whether it is the same */
  private adoptLayout(bytes: Buffer, end: number): boolean {
    const { scanner, shape } = this;
    const { latest } = shape;
    if (latest === undefined || latest.signature !== signatureOf(bytes, end)) return false;
    const { words, indexes } = latest;
    scanner.position = 0;
    this.gaps = new Array<number>(words.length).fill(0);
    shape.values.fill(Number.NaN);
    shape.residuals.fill(0);
    for (let i = 0; i < words.length; i++) {
      if (!this.search(i, words[i]!, bytes, scanner.position)) return false;
      this.parseValue(indexes[i]!);
    }
    this.order = latest;
    return true;
  }

  private learn(bytes: Buffer, end: number): void {
    const { scanner, shape } = this;
    const words: Buffer[] = [];
    const indexes: number[] = [];
    scanner.position = 0;
    this.gaps = [];
    shape.values.fill(Number.NaN);
    shape.residuals.fill(0);
    let from = 0;
    while (scanner.position < end) {
      const line = scanner.position;
      scanner.skipWord();
      const stop = scanner.position;
      const key = stop < end && bytes[stop] === SPACE ? bytes.toString('utf8', line, stop) : '';
      const index = shape.wanted.get(key);
      if (index !== undefined && !indexes.includes(index)) {
        scanner.position = stop + 1;
        words.push(Buffer.from(bytes.subarray(line, stop + 1)));
        indexes.push(index);
        this.gaps.push(line - from);
        this.parseValue(index);
        from = scanner.position;
      }
      scanner.nextLine();
    }
    this.order = shape.intern({ words, indexes, signature: signatureOf(bytes, end) });
  }
}

/** A hash of the file's keys and their order. */
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
