import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ByteScanner } from '../../../kernel/contracts/bytes/index.js';
import type { Column, LinuxHost, RowWriter } from '../../../kernel/contracts/index.js';
import type { Part, PartOutcome } from '../common/index.js';
import { referencedFields as fields } from './fields.js';

const REFERENCED = Buffer.from('Referenced:');
const KIB = 1024;
/** Clears the marks of all pages of a process (proc_pid_clear_refs(5)). */
const ALL_PAGES = '1';

/** Bytes referenced according to the text of `smaps` or `smaps_rollup`; NaN when no line tells it. */
export function referencedBytes(scanner: ByteScanner): number {
  let sum = Number.NaN;
  do {
    if (!scanner.literal(REFERENCED)) continue;
    scanner.skipSpaces();
    if (scanner.integer() && scanner.value >= 0) sum = (Number.isNaN(sum) ? 0 : sum) + scanner.value * KIB;
  } while (scanner.nextLine());
  return sum;
}

/** Referenced memory of a cgroup's processes. To be read now and then only: the kernel walks their page tables for it. */
export class ReferencedPart implements Part {
  readonly columns: readonly Column[] = [{ field: fields.referenced }];
  private readonly scanner = new ByteScanner();
  private measurements = 0;

  /** @param resetAfter measurements after which the marks are cleared; 0: never */
  constructor(
    private readonly pidsNow: () => readonly number[],
    private readonly host: LinuxHost,
    private readonly resetAfter: number,
  ) {}

  sample(row: RowWriter, base: number): PartOutcome {
    const pids = this.pidsNow();
    let sum = 0;
    let known = pids.length === 0;
    for (const pid of pids) {
      const bytes = this.read(pid);
      // A process that ended meanwhile has none; one that may not be read leaves the rest, when there is any.
      if (Number.isNaN(bytes)) continue;
      known = true;
      sum += bytes;
    }
    if (known) row.set(base, sum);
    this.measurements++;
    if (this.resetAfter > 0 && this.measurements % this.resetAfter === 0) for (const pid of pids) this.clear(pid);
    return 'ok';
  }

  close(): void {}

  private read(pid: number): number {
    for (const name of ['smaps_rollup', 'smaps']) {
      const length = this.host.readProc(`${pid}/${name}`);
      if (length < 0) continue;
      this.scanner.reset(this.host.buffer, length);
      return referencedBytes(this.scanner);
    }
    return Number.NaN;
  }

  private clear(pid: number): void {
    try {
      writeFileSync(join(this.host.paths.proc, String(pid), 'clear_refs'), ALL_PAGES, { flag: 'r+' });
    } catch {
      // It ended, or may not be written: then its number does not go down.
    }
  }
}
