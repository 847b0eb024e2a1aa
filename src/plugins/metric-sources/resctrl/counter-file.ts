import { closeSync, openSync, readSync } from 'node:fs';
import { ByteScanner } from '../../../kernel/contracts/bytes/index.js';
import { type Column, codeOf, isGone, type RowWriter } from '../../../kernel/contracts/index.js';
import type { Part, PartOutcome } from '../common/index.js';

const LONGEST = 64;

/** A file of `/sys/fs/resctrl` that holds one number, or a word (`Unavailable`) while the hardware has none. */
export class CounterFile implements Part {
  readonly columns: readonly Column[];
  private readonly descriptor: number;
  private readonly buffer = Buffer.alloc(LONGEST);
  private readonly scanner = new ByteScanner();

  /** @throws the error of open(2) */
  constructor(path: string, column: Column) {
    this.columns = [column];
    this.descriptor = openSync(path, 'r');
  }

  sample(row: RowWriter, base: number): PartOutcome {
    const { buffer, scanner } = this;
    let length: number;
    try {
      length = readSync(this.descriptor, buffer, 0, LONGEST, 0);
    } catch (error) {
      return isGone(codeOf(error)) ? 'gone' : 'ok';
    }
    scanner.reset(buffer, length);
    if (scanner.integer() && scanner.value >= 0) row.setExact(base, scanner.value, scanner.residual);
    return 'ok';
  }

  close(): void {
    closeSync(this.descriptor);
  }
}
