import {
  ByteTemplate,
  type Column,
  isGone,
  type KernelFile,
  type LinuxHost,
  type RowWriter,
  type TemplateSlot,
} from '../../../kernel/contracts/index.js';
import { sameColumns } from './columns.js';
import type { Part, PartOutcome } from './parts.js';

/** A file read as bytes: a cgroup's, whose descriptor is kept, or one of `/proc`, which is opened at each read. */
export type ByteSource = Pick<KernelFile, 'read' | 'buffer' | 'failure' | 'close'>;

/** A number in the text of a file, and the column it fills; without a column the word there is skipped over. */
export interface Cell {
  /** Offset of the number's first character. */
  readonly at: number;
  readonly column?: Column;
}

/** Finds the numbers of a file. Called only when the file's shape changed; lines that make no sense give no cells. */
export type CellFinder = (text: string) => readonly Cell[];

/** A file with as many columns as it has devices, interfaces or nodes. A file that keeps its shape costs no strings. */
export class TablePart implements Part {
  columns: readonly Column[] = [];
  private template: ByteTemplate | undefined;
  private values = new Float64Array(0);
  private residuals = new Int16Array(0);

  /** @param factor turns the file's unit into the fields', whose numbers must then stay below 2^53 */
  constructor(
    private readonly source: ByteSource,
    private readonly findCells: CellFinder,
    private readonly factor = 1,
  ) {}

  /** Reads the file so that `columns` are those of now. @returns false when it cannot be read */
  prepare(): boolean {
    const length = this.source.read();
    if (length >= 0) this.learn(length);
    return length >= 0;
  }

  /** Makes the next sample look at the columns again although the file kept its shape. */
  forget(): void {
    this.template = undefined;
  }

  sample(row: RowWriter, base: number): PartOutcome {
    const { source } = this;
    const length = source.read();
    if (length < 0) return isGone(source.failure) ? 'gone' : 'ok';
    if (this.template?.match(source.buffer, length, this.values, this.residuals) !== true && this.learn(length))
      return 'layout-changed';
    const { factor, residuals, values } = this;
    for (let i = 0; i < values.length; i++) row.setExact(base + i, values[i]! * factor, residuals[i]!);
    return 'ok';
  }

  close(): void {
    this.source.close();
  }

  /** Takes the file's new shape. @returns whether the columns are others than before */
  private learn(length: number): boolean {
    const text = this.source.buffer.toString('latin1', 0, length);
    const cells = this.findCells(text);
    const columns = cells.flatMap((cell) => cell.column ?? []);
    let target = 0;
    const slots = cells.map(({ at, column }): TemplateSlot => ({ at, target: column === undefined ? -1 : target++ }));
    const same = sameColumns(columns, this.columns);
    if (!same) {
      this.columns = columns;
      this.values = new Float64Array(columns.length);
      this.residuals = new Int16Array(columns.length);
    }
    // Finding the cells may have read other files into the shared buffer.
    const bytes = Buffer.from(text, 'latin1');
    this.template = new ByteTemplate(bytes, length, slots);
    this.template.match(bytes, length, this.values, this.residuals);
    return !same;
  }
}

/** A file below the host's `/proc` as a source. It counts as gone when it cannot be opened. */
export function procSource(host: LinuxHost, path: string): ByteSource {
  let failure: string | undefined;
  return {
    read() {
      const length = host.readProc(path);
      failure = length < 0 ? 'ENOENT' : undefined;
      return length;
    },
    get buffer() {
      return host.buffer;
    },
    get failure() {
      return failure;
    },
    close() {},
  };
}
