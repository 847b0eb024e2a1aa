import { ByteWriter } from '../../../kernel/contracts/bytes/index.js';
import type { Family, FamilyTable, Format, MetricType } from './families.js';
import { floatText, labelPairs } from './text.js';

const FIRST_CAPACITY = 2048;
const EOF = Buffer.from('# EOF\n');

/** Labels of a series that is about no container. */
export type PlainLabels = Readonly<Record<string, string>>;

/**
 * The lines of one answer while it is written, by family: containers are walked once, and the text formats want the
 * lines of a family together. Its buffers are used again for the next answer.
 */
export class Sheet {
  format: Format = 'text';
  private readonly writers: ByteWriter[] = [];
  /** Of families that may be given back. */
  private readonly borrowed = new Map<Family, ByteWriter>();
  /** All of it in one piece, for compression. */
  private readonly joined = new ByteWriter(FIRST_CAPACITY);

  constructor(readonly families: FamilyTable) {}

  /** Where the lines of the family go. */
  writer(family: Family): ByteWriter {
    if (family.index < 0) return this.borrowedWriter(family);
    const known = this.writers[family.index];
    if (known !== undefined) return known;
    for (let i = this.writers.length; i <= family.index; i++) this.writers.push(new ByteWriter(FIRST_CAPACITY));
    return this.writers[family.index]!;
  }

  /** Writes a series that is about no container; `suffix` is what a histogram's parts add to its name. */
  plain(name: string, type: MetricType, help: string, value: number, labels: PlainLabels = {}, suffix = ''): void {
    const family = this.families.take(name, type, help);
    if (family === undefined) return;
    const pairs = Object.entries(labels);
    const braces = pairs.length === 0 ? '' : `{${labelPairs(pairs)}}`;
    this.writer(family).text(`${family.name}${suffix}${braces} ${floatText(value)}\n`);
  }

  /** Families that have series, by name, with their lines. */
  *written(): Generator<readonly [Family, Buffer], void, void> {
    for (const family of this.families.sorted) {
      const out = family.index < 0 ? this.borrowed.get(family) : this.writers[family.index];
      if (out !== undefined && out.length > 0) yield [family, out.buffer.subarray(0, out.length)];
    }
  }

  /** The answer in pieces: families by name, each with its header. */
  *pieces(): Generator<Buffer, void, void> {
    for (const [family, lines] of this.written()) {
      yield family.header(this.format);
      yield lines;
    }
    if (this.format === 'openMetrics') yield EOF;
  }

  /** The answer in one piece, valid until the sheet is used again. */
  join(): Buffer {
    const { joined } = this;
    joined.length = 0;
    for (const piece of this.pieces()) joined.bytes(piece);
    return joined.buffer.subarray(0, joined.length);
  }

  clear(): void {
    for (const writer of this.writers) writer.length = 0;
    this.borrowed.clear();
  }

  private borrowedWriter(family: Family): ByteWriter {
    let writer = this.borrowed.get(family);
    if (writer === undefined) {
      writer = new ByteWriter(FIRST_CAPACITY);
      this.borrowed.set(family, writer);
    }
    return writer;
  }
}
