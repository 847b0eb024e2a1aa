import { ByteWriter } from '../../../kernel/contracts/bytes/index.js';
import type { ExportedContainer, FactLine } from './exported-container.js';
import type { Family } from './families.js';
import { beginLine } from './text.js';

const FIRST_CAPACITY = 2048;
const NEWLINE = 0x0a;

/**
 * The lines of the facts of an answer's containers, by family. Facts seldom change: the lines of one answer serve the next
 * one as far as they are the same. Once complete they are not written to, so answers may share them.
 */
export class FactLines {
  private readonly writers: (ByteWriter | undefined)[] = [];
  private readonly labels: Buffer[] = [];
  private readonly lines: (readonly FactLine[])[] = [];
  private isComplete = false;

  /**
   * @param place how many containers the answer has before this one
   * @returns lines that have those of the container at this place: themselves where they have or may take them
   */
  with(place: number, exported: ExportedContainer): FactLines {
    const lines = exported.factLines();
    const { labels } = exported;
    if (this.isComplete && this.lines[place] === lines && this.labels[place] === labels) return this;
    const all = this.isComplete ? this.copyOf(place) : this;
    all.add(labels, lines);
    return all;
  }

  /** The lines of the first containers, to which nothing is added any more. */
  completed(count: number): FactLines {
    const all = count < this.lines.length ? this.copyOf(count) : this;
    all.isComplete = true;
    return all;
  }

  of({ index }: Family): Buffer | undefined {
    const out = this.writers[index];
    return out?.buffer.subarray(0, out.length);
  }

  private copyOf(count: number): FactLines {
    const copy = new FactLines();
    for (let i = 0; i < count; i++) copy.add(this.labels[i]!, this.lines[i]!);
    return copy;
  }

  private add(labels: Buffer, lines: readonly FactLine[]): void {
    this.labels.push(labels);
    this.lines.push(lines);
    for (const { family, line } of lines) {
      const out = this.writer(family.index);
      beginLine(out, family.prefix, labels, line);
      out.buffer[out.length++] = NEWLINE;
    }
  }

  private writer(index: number): ByteWriter {
    while (this.writers.length <= index) this.writers.push(undefined);
    this.writers[index] ??= new ByteWriter(FIRST_CAPACITY);
    return this.writers[index];
  }
}
