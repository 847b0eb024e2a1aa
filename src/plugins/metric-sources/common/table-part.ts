import { ByteTemplate, type TemplateSlot } from '../../../kernel/contracts/bytes/index.js';
import {
  type Column,
  isGone,
  type KernelFile,
  type LinuxHost,
  type RowWriter,
} from '../../../kernel/contracts/index.js';
import type { Part, PartOutcome } from './parts.js';

/** Whether two lists of columns are equal, so that the layout need not change. */
export function sameColumns(some: readonly Column[], others: readonly Column[]): boolean {
  return some.length === others.length && some.every((column, i) => sameColumn(column, others[i]!));
}

function sameColumn(one: Column, other: Column): boolean {
  return (
    one.field === other.field &&
    one.labels?.length === other.labels?.length &&
    (one.labels?.every((label, i) => label === other.labels?.[i]) ?? true) &&
    sameAttributes(one.attributes ?? {}, other.attributes ?? {})
  );
}

function sameAttributes(some: Readonly<Record<string, string>>, others: Readonly<Record<string, string>>): boolean {
  const keys = Object.keys(some);
  return keys.length === Object.keys(others).length && keys.every((key) => some[key] === others[key]);
}

/** A file read as bytes: a cgroup file, whose descriptor is kept, or one of `/proc`, which is opened for each read. */
export type ByteSource = Pick<KernelFile, 'read' | 'buffer' | 'failure' | 'close'>;

/** A number in the text of a file and its column; without a column the word is skipped. */
export interface Cell {
  /** Offset of the number's first character. */
  readonly at: number;
  readonly column?: Column;
}

/** Finds the numbers of a file. Called only when the file's shape changed. Malformed lines give no cells. */
export type CellFinder = (text: string) => readonly Cell[];

/** The positions and columns of the numbers, shared by all files of one shape. */
interface TableShape {
  readonly columns: readonly Column[];
  readonly template: ByteTemplate;
  readonly values: Float64Array;
  readonly residuals: Int16Array;
}

/** Maximum number of remembered shapes: names that never repeat must not grow the memory. */
const MAX_SHAPES = 200;

/**
 * The shapes of one kind of file. Most containers of a host have the same devices, so a thousand files have only a few
 * shapes. Values are used before the next read.
 */
export class TableShapes {
  private readonly known = new Map<string, TableShape>();
  private latest: TableShape | undefined;

  /** @param byTextAlone whether files with the same text always have the same columns */
  constructor(private readonly byTextAlone = false) {}

  /** A shape that another file is likely to have: its columns are right if it matches. */
  get likely(): TableShape | undefined {
    return this.byTextAlone ? this.latest : undefined;
  }

  shapeOf(text: string, cells: readonly Cell[]): TableShape {
    this.latest = this.knownOrNew(text, cells);
    return this.latest;
  }

  private knownOrNew(text: string, cells: readonly Cell[]): TableShape {
    const columns = cells.flatMap((cell) => cell.column ?? []);
    const id = withoutNumbers(text, cells);
    const known = this.known.get(id);
    if (known !== undefined && sameColumns(known.columns, columns)) return known;
    if (this.known.size >= MAX_SHAPES) this.known.clear();
    let target = 0;
    const slots = cells.map(({ at, column }): TemplateSlot => ({ at, target: column === undefined ? -1 : target++ }));
    const bytes = Buffer.from(text, 'latin1');
    const shape = {
      columns,
      template: new ByteTemplate(bytes, bytes.length, slots),
      values: new Float64Array(columns.length),
      residuals: new Int16Array(columns.length),
    };
    this.known.set(id, shape);
    return shape;
  }
}

function withoutNumbers(text: string, cells: readonly Cell[]): string {
  let rest = '';
  let from = 0;
  for (const { at } of cells) {
    rest += `${text.slice(from, at)}\0`;
    from = at;
    while (from < text.length && text.charCodeAt(from) > 0x20) from++;
  }
  return rest + text.slice(from);
}

/** A file with columns per device, interface or node. No strings are created while the file keeps its shape. */
export class TablePart implements Part {
  private shape: TableShape | undefined;
  /** The columns must be determined again even if the file has kept its shape. */
  private forgotten = false;

  /**
   * @param shapes shared by all files of this kind
   * @param factor converts the file's unit to that of the fields; results must stay below 2^53
   */
  constructor(
    private readonly source: ByteSource,
    private readonly findCells: CellFinder,
    private readonly shapes = new TableShapes(),
    private readonly factor = 1,
  ) {}

  get columns(): readonly Column[] {
    return this.shape?.columns ?? NO_COLUMNS;
  }

  /** Reads the file to determine `columns`. @returns false when it cannot be read */
  prepare(): boolean {
    const length = this.source.read();
    if (length < 0) return false;
    const { likely } = this.shapes;
    if (likely?.template.match(this.source.buffer, length, likely.values, likely.residuals)) this.shape = likely;
    else this.updateShape(length);
    return true;
  }

  /** Makes the next sample determine the columns again. */
  forget(): void {
    this.forgotten = true;
  }

  sample(row: RowWriter, base: number): PartOutcome {
    const { source } = this;
    const length = source.read();
    if (length < 0) return isGone(source.failure) ? 'gone' : 'ok';
    if (!this.matches(length) && this.updateShape(length)) return 'layout-changed';
    const { residuals, values } = this.shape!;
    const { factor } = this;
    for (let i = 0; i < values.length; i++) row.setExact(base + i, values[i]! * factor, residuals[i]!);
    return 'ok';
  }

  close(): void {
    this.source.close();
  }

  private matches(length: number): boolean {
    const { shape } = this;
    if (shape === undefined || this.forgotten) return false;
    return shape.template.match(this.source.buffer, length, shape.values, shape.residuals);
  }

  /** Determines the file's new shape. @returns whether the columns have changed */
  private updateShape(length: number): boolean {
    const text = this.source.buffer.toString('latin1', 0, length);
    const before = this.columns;
    // `findCells` may read other files into the shared buffer: use only `text` from here on.
    const shape = this.shapes.shapeOf(text, this.findCells(text));
    const bytes = Buffer.from(text, 'latin1');
    if (!shape.template.match(bytes, bytes.length, shape.values, shape.residuals)) {
      // The shape is shared: its values belong to another container.
      shape.values.fill(Number.NaN);
      shape.residuals.fill(0);
    }
    this.shape = shape;
    this.forgotten = false;
    return !sameColumns(shape.columns, before);
  }
}

const NO_COLUMNS: readonly Column[] = [];

/** A file of the host's `/proc`. It counts as gone when it cannot be opened. */
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
