import { ByteScanner } from '../../../kernel/contracts/bytes/index.js';
import type { Column, FieldDescriptor, RowWriter } from '../../../kernel/contracts/index.js';
import type { ByteSource, Part, PartOutcome } from '../common/index.js';

const STATE_DIGITS = 2;

/**
 * Counts the lines of `/proc/net/tcp` by the state in their fourth word. Lines without a known state, the heading
 * among them, are left out.
 * @param counts count of state code n at index n − 1; set to 0 first
 */
export function countStates(scanner: ByteScanner, counts: Float64Array): void {
  counts.fill(0);
  do {
    if (!scanner.skipWords(3)) continue;
    scanner.skipSpaces();
    const start = scanner.position;
    if (!scanner.hex() || scanner.position - start !== STATE_DIGITS) continue;
    const index = scanner.value - 1;
    if (scanner.skipWord() === 0 && index >= 0 && index < counts.length) counts[index] = counts[index]! + 1;
  } while (scanner.nextLine());
}

/** The sockets of one address family by state. */
export class StateCountPart implements Part {
  readonly columns: readonly Column[];
  private readonly counts: Float64Array;
  private readonly scanner = new ByteScanner();

  constructor(
    private readonly source: ByteSource,
    fields: readonly FieldDescriptor[],
  ) {
    this.columns = fields.map((field) => ({ field }));
    this.counts = new Float64Array(fields.length);
  }

  sample(row: RowWriter, base: number): PartOutcome {
    const { counts, scanner, source } = this;
    const length = source.read();
    if (length < 0) return 'gone';
    scanner.reset(source.buffer, length);
    countStates(scanner, counts);
    for (let i = 0; i < counts.length; i++) row.set(base + i, counts[i]!);
    return 'ok';
  }

  close(): void {
    this.source.close();
  }
}
