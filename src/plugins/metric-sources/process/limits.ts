import { ByteScanner } from '../../../kernel/contracts/bytes/index.js';
import type { Column, RowWriter } from '../../../kernel/contracts/index.js';
import type { ByteSource, ContainerProcess, Part, PartOutcome } from '../common/index.js';
import { processFields as fields } from './fields.js';

const OPEN_FILES = Buffer.from('Max open files');
const UNLIMITED = Buffer.from('unlimited');
const labels = ['max_open_files'];

/**
 * Moves to the numbers of the `Max open files` line of `/proc/<pid>/limits`.
 * @returns false when there is no such line
 */
export function findOpenFiles(scanner: ByteScanner): boolean {
  do {
    if (scanner.literal(OPEN_FILES)) return true;
  } while (scanner.nextLine());
  return false;
}

/** The limit at the position: −1 for none, NaN when there is no limit. */
export function readLimit(scanner: ByteScanner): number {
  scanner.skipSpaces();
  if (scanner.literal(UNLIMITED)) return -1;
  return scanner.integer() ? scanner.value : Number.NaN;
}

/** Limits of the container’s first process. */
export class LimitsPart implements Part {
  readonly columns: readonly Column[] = [
    { field: fields.ulimitSoft, labels },
    { field: fields.ulimitHard, labels },
  ];
  private readonly scanner = new ByteScanner();
  private readonly source: ByteSource;

  constructor(private readonly process: ContainerProcess) {
    this.source = process.file('limits');
  }

  sample(row: RowWriter, base: number): PartOutcome {
    const { scanner, source } = this;
    const length = this.process.alive() ? source.read() : -1;
    if (length < 0) return 'derived';
    scanner.reset(source.buffer, length);
    if (!findOpenFiles(scanner)) return 'derived';
    row.set(base, readLimit(scanner));
    row.set(base + 1, readLimit(scanner));
    return 'derived';
  }

  close(): void {}
}
