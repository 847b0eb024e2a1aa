import { ByteScanner } from '../../../kernel/contracts/bytes/index.js';
import {
  type CgroupFiles,
  type Column,
  isGone,
  type KernelFile,
  type KernelValue,
  type RowWriter,
} from '../../../kernel/contracts/index.js';
import { type Part, type PartOutcome, ValuePart } from '../common/index.js';
import { processFields as fields } from './fields.js';

/** What `max` reads as. */
const NO_LIMIT = 2 ** 64;

/** `pids.max`, 0 for no limit. */
class ThreadLimitPart implements Part {
  readonly columns: readonly Column[] = [{ field: fields.threadsMax }];

  constructor(private readonly file: KernelValue) {}

  sample(row: RowWriter, base: number): PartOutcome {
    const { file } = this;
    if (!file.read()) return isGone(file.failure) ? 'gone' : 'ok';
    row.set(base, file.value >= NO_LIMIT ? 0 : file.value);
    return 'ok';
  }

  close(): void {
    this.file.close();
  }
}

/** Lines of `cgroup.threads`, where the pids controller does not count. */
class ThreadListPart implements Part {
  readonly columns: readonly Column[] = [{ field: fields.threadsCurrent }, { field: fields.threadsMax }];
  private readonly scanner = new ByteScanner();

  constructor(private readonly file: KernelFile) {}

  sample(row: RowWriter, base: number): PartOutcome {
    const { file, scanner } = this;
    const length = file.read();
    if (length < 0) return isGone(file.failure) ? 'gone' : 'ok';
    scanner.reset(file.buffer, length);
    let lines = 0;
    while (scanner.position < scanner.end) {
      lines++;
      scanner.nextLine();
    }
    row.set(base, lines);
    row.set(base + 1, 0);
    return 'ok';
  }

  close(): void {
    this.file.close();
  }
}

/** How many threads a container has and may have. */
export function threadParts(cgroup: CgroupFiles): Part[] {
  const current = cgroup.value('pids', 'pids.current');
  if (current === undefined) {
    const threads = cgroup.version === 2 ? cgroup.file('cpu', 'cgroup.threads') : undefined;
    return threads === undefined ? [] : [new ThreadListPart(threads)];
  }
  const limit = cgroup.value('pids', 'pids.max');
  const parts: Part[] = [new ValuePart({ field: fields.threadsCurrent }, current)];
  return limit === undefined ? parts : [...parts, new ThreadLimitPart(limit)];
}
