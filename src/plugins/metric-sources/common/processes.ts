import { ByteScanner } from '../../../kernel/contracts/bytes/index.js';
import type {
  Absent,
  Clock,
  Column,
  Controller,
  FieldDescriptor,
  LinuxHost,
  MetricSource,
  Probe,
  ProbeTarget,
  RowWriter,
} from '../../../kernel/contracts/index.js';
import { type Part, type PartOutcome, PartsProbe } from './parts.js';
import { type ByteSource, procSource } from './table-part.js';

const MOUNT_HINT: Partial<Record<Controller, string>> = {
  memory: '; on boards that switch it off, boot with cgroup_enable=memory',
  blkio: '; the kernel needs CONFIG_BLK_CGROUP',
};

/**
 * The result when a container has no directory of a controller, or the directory lacks the controller's files. This is
 * unexpected for the machine, and normal for a container whose cgroup uses other controllers.
 */
export function withoutController(target: ProbeTarget, controller: Controller): Absent {
  const name = target.cgroup.version === 2 && controller === 'blkio' ? 'io' : controller;
  if (target.isRoot)
    return { absent: `the ${name} controller is not mounted or not enabled${MOUNT_HINT[controller] ?? ''}` };
  const absent =
    target.cgroup.version === 1
      ? `the container has no directory in the ${name} hierarchy`
      : `the ${name} controller is not in cgroup.subtree_control of the parent cgroup`;
  return { absent, expected: true };
}

const CLOSING_PARENTHESIS = 0x29;
/** Words of `/proc/<pid>/stat` between the command name and the start time (field 22). */
const WORDS_TO_START_TIME = 19;
/** PIDs are not reused within this time (ms), so a process seen that recently is still the same. */
const TRUSTED_MS = 2000;

/**
 * Moves a scanner past the command name in `/proc/<pid>/stat`, which may contain spaces and parentheses.
 * @returns false when there is none
 */
export function skipCommand(scanner: ByteScanner, bytes: Buffer, length: number): boolean {
  scanner.reset(bytes, length);
  const at = bytes.subarray(0, length).lastIndexOf(CLOSING_PARENTHESIS);
  scanner.position = at + 1;
  scanner.skipSpaces();
  return at >= 0;
}

/** Start time of a process in ticks since boot, NaN when it is gone. Identifies a process whose pid is reused later. */
function startTimeOf(host: LinuxHost, path: string, scanner: ByteScanner): number {
  const length = host.readProc(path);
  if (length < 0 || !skipCommand(scanner, host.buffer, length)) return Number.NaN;
  if (!scanner.skipWords(WORDS_TO_START_TIME)) return Number.NaN;
  scanner.skipSpaces();
  return scanner.integer() ? scanner.value : Number.NaN;
}

/** A process whose `/proc` files represent its container. Detects that its pid was reused. */
export class ContainerProcess {
  private readonly scanner = new ByteScanner();
  private readonly statPath: string;
  private readonly startTime: number;
  private seenAt: number;

  constructor(
    readonly pid: number,
    private readonly host: LinuxHost,
    private readonly clock: Clock,
  ) {
    this.statPath = `${pid}/stat`;
    this.startTime = startTimeOf(host, this.statPath, this.scanner);
    this.seenAt = clock.monotonic();
  }

  /** False when the process is gone. Checks only after a pause; in between a missing file shows it. */
  alive(): boolean {
    const now = this.clock.monotonic();
    const trusted = now - this.seenAt < TRUSTED_MS;
    this.seenAt = now;
    return trusted ? !Number.isNaN(this.startTime) : this.check();
  }

  /** A file of the process, opened for each read: an open descriptor would pin its namespaces. */
  file(name: string): ByteSource {
    return procSource(this.host, `${this.pid}/${name}`);
  }

  private check(): boolean {
    return startTimeOf(this.host, this.statPath, this.scanner) === this.startTime;
  }
}

/** What sources that follow a process need. */
export interface ProcessContext {
  readonly linux: LinuxHost;
  readonly clock: Clock;
}

/** The init process of a container: pid 1 for the machine. @returns why there is none */
export function initProcess(target: ProbeTarget, { linux, clock }: ProcessContext): ContainerProcess | Absent {
  if (target.isRoot) return new ContainerProcess(1, linux, clock);
  const { pid } = target.description;
  if (pid === undefined) return { absent: 'no process of the container is known', expected: true };
  const cgroups = linux.procText(`${pid}/cgroup`);
  if (cgroups === undefined) return { absent: `its first process (${pid}) is gone` };
  if (!belongsTo(target.name, cgroups)) return { absent: `process ${pid} is not in the container's cgroup` };
  const process = new ContainerProcess(pid, linux, clock);
  return process.alive() ? process : { absent: `its first process (${pid}) is gone` };
}

/**
 * Whether a process is in a cgroup or below it, according to its `/proc/<pid>/cgroup`. An agent in its own cgroup
 * namespace sees paths that begin with `/..`, which are accepted because they tell nothing.
 */
export function belongsTo(name: string, cgroups: string): boolean {
  return cgroups.split('\n').some((line) => {
    const path = /^\d+:[^:]*:(\/.*)$/.exec(line)?.[1];
    return path !== undefined && (path === name || path.startsWith(`${name}/`) || path.startsWith('/..'));
  });
}

/** The process whose `/proc/<pid>/net` has a container's network counters. @returns why there is none */
export function networkProcess(target: ProbeTarget, context: ProcessContext): ContainerProcess | Absent {
  const { networkMode } = target.description;
  if (!target.isRoot && networkMode === 'shared')
    return { absent: 'it shares the network of another container and is counted there', expected: true };
  if (!target.isRoot && networkMode === 'none') return { absent: 'it has no network of its own', expected: true };
  return initProcess(target, context);
}

/** A file of one address family in `/proc/<pid>/net`, and the fields that count its lines. */
export interface FamilyFile {
  readonly file: string;
  readonly fields: readonly FieldDescriptor[];
}

/** The sums over the lines of one file. */
class SummedPart implements Part {
  readonly columns: readonly Column[];
  private readonly values: Float64Array;
  private readonly scanner = new ByteScanner();

  constructor(
    private readonly source: ByteSource,
    fields: readonly FieldDescriptor[],
    private readonly sum: (scanner: ByteScanner, values: Float64Array) => void,
  ) {
    this.columns = fields.map((field) => ({ field }));
    this.values = new Float64Array(fields.length);
  }

  sample(row: RowWriter, base: number): PartOutcome {
    const { scanner, source, values } = this;
    const length = source.read();
    if (length < 0) return 'gone';
    scanner.reset(source.buffer, length);
    this.sum(scanner, values);
    for (let i = 0; i < values.length; i++) row.set(base + i, values[i]!);
    return 'ok';
  }

  close(): void {
    this.source.close();
  }
}

/**
 * A source that counts sockets per address family. A kernel without IPv6 has one family.
 * @param sum sets the values of the fields from the lines of a file
 */
export function createFamilySource(
  context: ProcessContext,
  families: readonly FamilyFile[],
  sum: (scanner: ByteScanner, values: Float64Array) => void,
): MetricSource {
  return {
    fields: families.flatMap(({ fields }) => fields),
    part: 'network',
    attach(target): Probe | Absent {
      const process = networkProcess(target, context);
      if ('absent' in process) return process;
      const parts = families.flatMap(({ file, fields }) => {
        const source = process.file(`net/${file}`);
        return source.read() < 0 ? [] : [new SummedPart(source, fields, sum)];
      });
      if (parts.length === 0) return { absent: `/proc/${process.pid}/net/${families[0]?.file} cannot be read` };
      return new PartsProbe(parts, { beforeSample: () => process.alive() });
    },
  };
}
