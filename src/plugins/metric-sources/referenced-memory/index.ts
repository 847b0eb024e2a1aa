import { accessSync, constants, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ByteScanner } from '../../../kernel/contracts/bytes/index.js';
import {
  type Column,
  definePlugin,
  duration,
  type LinuxHost,
  PLUGIN_API_VERSION,
  type RowWriter,
  z,
} from '../../../kernel/contracts/index.js';
import {
  gauge,
  type Missing,
  PacedPart,
  type Part,
  type PartOutcome,
  PartsProbe,
  withoutController,
} from '../common/index.js';

export const fields = {
  referenced: gauge('memory.referenced', 'bytes', {
    help: 'Memory that the processes of this cgroup touched since their marks were last cleared; shared pages count in each.',
    source: { any: '/proc/<pid>/smaps_rollup: Referenced, summed' },
  }),
};

const REFERENCED = Buffer.from('Referenced:');
const KIB = 1024;
/** Clears the marks of all pages of a process (proc_pid_clear_refs(5)). */
const ALL_PAGES = '1';

/** Referenced bytes from the text of `smaps` or `smaps_rollup`; NaN without such a line. */
export function referencedBytes(scanner: ByteScanner): number {
  let sum = Number.NaN;
  do {
    if (!scanner.literal(REFERENCED)) continue;
    scanner.skipSpaces();
    if (scanner.integer() && scanner.value >= 0) sum = (Number.isNaN(sum) ? 0 : sum) + scanner.value * KIB;
  } while (scanner.nextLine());
  return sum;
}

/** Referenced memory of a cgroup's processes. Expensive: the kernel walks their page tables. */
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
      // The process has ended, or may not be read.
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
      // The process has ended, or may not be written.
    }
  }
}

const configSchema = z.strictObject({
  interval: duration()
    .prefault('1m')
    .describe('How often memory is measured: the kernel walks all pages of all processes for it. 0s: at each sample.'),
  resetAfter: z
    .int()
    .min(0)
    .default(0)
    .describe(
      'Measurements after which the marks are cleared, so that only memory that is used again counts; 0: never. Clearing slows the processes down for a moment and makes the kernel think that the memory is not in use.',
    ),
});

/** Reports a missing permission to read processes of other users, such as pid 1. */
function missingAccess(proc: string): Missing[] {
  try {
    accessSync(join(proc, '1/smaps'), constants.R_OK);
    return [];
  } catch {
    const reason = 'processes of other users may not be looked into; the agent needs CAP_SYS_PTRACE';
    return [{ what: fields.referenced.name, reason }];
  }
}

export default definePlugin({
  kind: 'metric-source',
  name: 'referenced_memory',
  apiVersion: PLUGIN_API_VERSION,
  description: 'Memory that the processes of each container touched lately.',
  configSchema,
  create(context, options) {
    const { linux, clock } = context;
    return {
      fields: Object.values(fields),
      part: 'other',
      attach(target) {
        const { cgroup } = target;
        if (cgroup.directory('cpu') === undefined && cgroup.directory('memory') === undefined)
          return withoutController(target, 'memory');
        const part = new ReferencedPart(() => cgroup.pids(), linux, options.resetAfter);
        return new PartsProbe([new PacedPart(part, options.interval, clock)], {
          missing: missingAccess(linux.paths.proc),
        });
      },
    };
  },
});
