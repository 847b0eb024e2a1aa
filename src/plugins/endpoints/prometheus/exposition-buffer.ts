import { ByteWriter } from '../../../kernel/contracts/bytes/index.js';
import type { PlainLabels } from '../../../kernel/contracts/index.js';
import type { Family, FamilyTable, Format, MetricType } from './families.js';
import { KeptLines } from './kept-lines.js';
import { floatText, labelPairs } from './text.js';

const FIRST_CAPACITY = 2048;
const EOF = Buffer.from('# EOF\n');

/**
 * The lines of one answer by family: containers are written one after the other, and the text formats need the lines
 * of a family together. Reused for later answers.
 */
export class ExpositionBuffer {
  format: Format = 'text';
  /** Lines of containers that change with their description and limits, and those that change with each sample. */
  facts = new KeptLines();
  samples = new KeptLines();
  private readonly writers: ByteWriter[] = [];
  private readonly temporary = new Map<Family, ByteWriter>();
  /** The whole answer, for compression. */
  private readonly joined = new ByteWriter(FIRST_CAPACITY);

  /** @param constantLabels labels of every series that is not about a container */
  constructor(
    readonly families: FamilyTable,
    private readonly constantLabels: PlainLabels = {},
  ) {}

  /** Writes a series that is not about a container. @param suffix of the name, for the parts of a histogram */
  readonly plain = (
    name: string,
    type: MetricType,
    help: string,
    value: number,
    labels: PlainLabels = {},
    suffix = '',
  ): void => {
    const family = this.families.take(name, type, help);
    if (family === undefined) return;
    const pairs = Object.entries({ ...labels, ...this.constantLabels });
    const braces = pairs.length === 0 ? '' : `{${labelPairs(pairs)}}`;
    this.writer(family).text(`${family.name}${suffix}${braces} ${floatText(value)}\n`);
  };

  writer(family: Family): ByteWriter {
    if (family.index < 0) return this.temporaryWriter(family);
    const known = this.writers[family.index];
    if (known !== undefined) return known;
    for (let i = this.writers.length; i <= family.index; i++) this.writers.push(new ByteWriter(FIRST_CAPACITY));
    return this.writers[family.index]!;
  }

  /** Families with series, sorted by name, and their lines. */
  *written(): Generator<readonly [Family, readonly Buffer[]], void, void> {
    for (const family of this.families.sorted) {
      const out = family.index < 0 ? this.temporary.get(family) : this.writers[family.index];
      const lines = [this.facts.of(family), this.samples.of(family)].filter((buffer) => buffer !== undefined);
      if (out !== undefined && out.length > 0) lines.push(out.buffer.subarray(0, out.length));
      if (lines.length > 0) yield [family, lines];
    }
  }

  /** The answer in pieces: families sorted by name, each with its header. */
  *pieces(): Generator<Buffer, void, void> {
    for (const [family, lines] of this.written()) {
      yield family.header(this.format);
      yield* lines;
    }
    if (this.format === 'openMetrics') yield EOF;
  }

  /** The answer in one piece, valid until the buffer is reused. */
  join(): Buffer {
    const { joined } = this;
    joined.length = 0;
    for (const piece of this.pieces()) joined.bytes(piece);
    return joined.buffer.subarray(0, joined.length);
  }

  clear(): void {
    for (const writer of this.writers) writer.length = 0;
    this.temporary.clear();
  }

  private temporaryWriter(family: Family): ByteWriter {
    let writer = this.temporary.get(family);
    if (writer === undefined) {
      writer = new ByteWriter(FIRST_CAPACITY);
      this.temporary.set(family, writer);
    }
    return writer;
  }
}
