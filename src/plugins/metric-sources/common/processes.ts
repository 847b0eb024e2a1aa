import { ByteScanner } from '../../../kernel/contracts/bytes/index.js';
import type {
  Absent,
  Clock,
  Controller,
  FieldDescriptor,
  LinuxHost,
  MetricSource,
  Probe,
  ProbeTarget,
} from '../../../kernel/contracts/index.js';
import { type Part, PartsProbe } from './parts.js';
import { type ByteSource, procSource } from './table-part.js';

const MOUNT_HINT: Partial<Record<Controller, string>> = {
  memory: '; on boards that switch it off, boot with cgroup_enable=memory',
  blkio: '; the kernel needs CONFIG_BLK_CGROUP',
};

/**
 * The answer when a container has no directory of a controller, or the directory lacks the controller's files. For the
 * machine this is a lack; for a container it is the normal case of a cgroup that uses other controllers.
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
/** No pid space is used up in this time (ms), so a process seen that recently is still the one behind the pid. */
const TRUSTED_MS = 2000;

/**
 * Moves a scanner on the bytes of `/proc/<pid>/stat` behind the command name, which may hold spaces and parentheses.
 * @returns false when there is none
 */
export function skipCommand(scanner: ByteScanner, bytes: Buffer, length: number): boolean {
  scanner.reset(bytes, length);
  const at = bytes.subarray(0, length).lastIndexOf(CLOSING_PARENTHESIS);
  scanner.position = at + 1;
  scanner.skipSpaces();
  return at >= 0;
}

/** Start time of a process in ticks since boot, NaN when it is gone. Tells a process from a later one of the same pid. */
function startTimeOf(host: LinuxHost, path: string, scanner: ByteScanner): number {
  const length = host.readProc(path);
  if (length < 0 || !skipCommand(scanner, host.buffer, length)) return Number.NaN;
  if (!scanner.skipWords(WORDS_TO_START_TIME)) return Number.NaN;
  scanner.skipSpaces();
  return scanner.integer() ? scanner.value : Number.NaN;
}

/** A process whose `/proc` files stand for its container; knows when its pid was given to another process. */
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

  /** False when the process is gone. Looks only when it was last asked some time ago; a vanished file says the rest. */
  alive(): boolean {
    const now = this.clock.monotonic();
    const trusted = now - this.seenAt < TRUSTED_MS;
    this.seenAt = now;
    return trusted ? !Number.isNaN(this.startTime) : this.check();
  }

  /** A file of the process, opened at each read: a kept descriptor would pin its namespaces. */
  file(name: string): ByteSource {
    return procSource(this.host, `${this.pid}/${name}`);
  }

  private check(): boolean {
    return startTimeOf(this.host, this.statPath, this.scanner) === this.startTime;
  }
}

/** Readers a source needs to follow a process. */
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
 * Whether a process is in a cgroup or below it, judged by its `/proc/<pid>/cgroup`. An agent in a cgroup namespace of
 * its own sees paths that begin with `/..`, which tell nothing: those count as yes.
 */
export function belongsTo(name: string, cgroups: string): boolean {
  return cgroups.split('\n').some((line) => {
    const path = /^\d+:[^:]*:(\/.*)$/.exec(line)?.[1];
    return path !== undefined && (path === name || path.startsWith(`${name}/`) || path.startsWith('/..'));
  });
}

/** The process through which a container's network counters are seen. @returns why there is none */
export function networkProcess(target: ProbeTarget, context: ProcessContext): ContainerProcess | Absent {
  const { networkMode } = target.description;
  if (!target.isRoot && networkMode === 'shared')
    return { absent: 'it shares the network of another container and is counted there', expected: true };
  if (!target.isRoot && networkMode === 'none') return { absent: 'it has no network of its own', expected: true };
  return initProcess(target, context);
}

/** A file below `/proc/<pid>/net`, one per address family, and the fields its lines are counted into. */
export interface FamilyFile {
  readonly file: string;
  readonly fields: readonly FieldDescriptor[];
}

/** A source that counts sockets per address family. A kernel without IPv6 has one family. */
export function createFamilySource(
  context: ProcessContext,
  families: readonly FamilyFile[],
  createPart: (source: ByteSource, fields: readonly FieldDescriptor[]) => Part,
): MetricSource {
  return {
    fields: families.flatMap(({ fields }) => fields),
    part: 'network',
    attach(target): Probe | Absent {
      const process = networkProcess(target, context);
      if ('absent' in process) return process;
      const parts = families.flatMap(({ file, fields }) => {
        const source = process.file(`net/${file}`);
        return source.read() < 0 ? [] : [createPart(source, fields)];
      });
      if (parts.length === 0) return { absent: `/proc/${process.pid}/net/${families[0]?.file} cannot be read` };
      return new PartsProbe(parts, { beforeSample: () => process.alive() });
    },
  };
}
