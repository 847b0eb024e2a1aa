import { readdirSync } from 'node:fs';
import { ByteScanner } from '../../../kernel/contracts/bytes/index.js';
import {
  type Column,
  definePlugin,
  type LinuxHost,
  PLUGIN_API_VERSION,
  type Probe,
  type RowWriter,
  type SampleOutcome,
} from '../../../kernel/contracts/index.js';
import { counter, withoutController } from '../common/index.js';

/** Fields of the `sched` source, in the order of the words of `/proc/<pid>/schedstat`. */
export const fields = {
  runTime: counter('cpu.schedstat.run_time', 'nanoseconds', {
    help: 'Time that the main threads of the container’s processes, and of those below it, ran on a CPU.',
    source: { any: '/proc/<pid>/schedstat: first number, summed' },
  }),
  runqueueTime: counter('cpu.schedstat.runqueue_time', 'nanoseconds', {
    help: 'Time that they were ready to run and waited for a CPU.',
    source: { any: '/proc/<pid>/schedstat: second number, summed' },
  }),
  runPeriods: counter('cpu.schedstat.run_periods', 'count', {
    help: 'How often they were put on a CPU.',
    source: { any: '/proc/<pid>/schedstat: third number, summed' },
  }),
};

const TWO_TO_32 = 4294967296;

/** An exact sum of 64-bit integers. */
export class ExactSum {
  private high = 0;
  private low = 0;

  reset(): void {
    this.high = 0;
    this.low = 0;
  }

  /** Adds the integer `value + residual`. */
  add(value: number, residual: number): void {
    const high = Math.floor(value / TWO_TO_32);
    this.high += high;
    this.low += value - high * TWO_TO_32 + residual;
  }

  addSum(other: ExactSum): void {
    this.high += other.high;
    this.low += other.low;
  }

  /** The sum as the nearest double. */
  get value(): number {
    return this.high * TWO_TO_32 + this.low;
  }

  /** The exact sum minus `value`. */
  get residual(): number {
    const head = this.high * TWO_TO_32;
    return this.low - (head + this.low - head);
  }
}

const COLUMNS: readonly Column[] = Object.values(fields).map((field) => ({ field }));

/** The last values of a process's `/proc/<pid>/schedstat`. */
class ProcessTimes {
  readonly values = new Float64Array(COLUMNS.length);
  readonly residuals = new Int16Array(COLUMNS.length);
  /** The sample in which the process was last seen. */
  round = 0;

  constructor(readonly path: string) {}
}

/** Reads the three numbers of a `schedstat`. @returns false when one is missing */
export function readTimes(scanner: ByteScanner, values: Float64Array, residuals: Int16Array): boolean {
  for (let i = 0; i < values.length; i++) {
    scanner.skipSpaces();
    if (!scanner.integer()) return false;
    values[i] = scanner.value;
    residuals[i] = scanner.residual;
  }
  return true;
}

/** Sums over the processes of a container, including the last values of ended processes. */
export class SchedProbe implements Probe {
  readonly columns = COLUMNS;
  readonly skipWhenIdle = true;
  private readonly processes = new Map<number, ProcessTimes>();
  private readonly ended = COLUMNS.map(() => new ExactSum());
  private readonly sum = new ExactSum();
  private readonly scanner = new ByteScanner();
  private readonly values = new Float64Array(COLUMNS.length);
  private readonly residuals = new Int16Array(COLUMNS.length);
  private round = 0;

  constructor(
    private readonly pidsNow: () => readonly number[],
    private readonly host: LinuxHost,
  ) {}

  sample(row: RowWriter): SampleOutcome {
    this.round++;
    for (const pid of this.pidsNow()) this.read(pid);
    for (const [pid, times] of this.processes) {
      if (times.round === this.round) continue;
      this.fold(times);
      this.processes.delete(pid);
    }
    for (let i = 0; i < COLUMNS.length; i++) this.write(row, i);
    return 'ok';
  }

  close(): void {
    this.processes.clear();
  }

  private read(pid: number): void {
    const times = this.processes.get(pid) ?? new ProcessTimes(`${pid}/schedstat`);
    const length = this.host.readProc(times.path);
    if (length < 0) return;
    this.scanner.reset(this.host.buffer, length);
    if (!readTimes(this.scanner, this.values, this.residuals)) return;
    // A lower CPU time means that the pid was reused.
    if (this.values[0]! < times.values[0]!) this.fold(times);
    times.values.set(this.values);
    times.residuals.set(this.residuals);
    times.round = this.round;
    this.processes.set(pid, times);
  }

  private fold(times: ProcessTimes): void {
    for (let i = 0; i < COLUMNS.length; i++) this.ended[i]!.add(times.values[i]!, times.residuals[i]!);
  }

  private write(row: RowWriter, i: number): void {
    const { sum } = this;
    sum.reset();
    sum.addSum(this.ended[i]!);
    for (const times of this.processes.values()) sum.add(times.values[i]!, times.residuals[i]!);
    row.setExact(i, sum.value, sum.residual);
  }
}

function processesOf(host: LinuxHost): number[] {
  return readdirSync(host.paths.proc)
    .map(Number)
    .filter((pid) => pid > 0);
}

export default definePlugin({
  kind: 'metric-source',
  name: 'sched',
  apiVersion: PLUGIN_API_VERSION,
  description: 'How long the processes of each container ran and waited for a CPU, as the scheduler counts it.',
  create: ({ linux: host }) => ({
    fields: Object.values(fields),
    part: 'cpu',
    attach(target) {
      if (host.procText('self/schedstat') === undefined)
        return {
          absent: 'the kernel gives no /proc/<pid>/schedstat (CONFIG_SCHED_INFO is off)',
          expected: !target.isRoot,
        };
      const { cgroup } = target;
      if (target.isRoot) return new SchedProbe(() => processesOf(host), host);
      const directory = cgroup.directory('cpu') ?? cgroup.directory('memory') ?? cgroup.directory('pids');
      return directory === undefined
        ? withoutController(target, 'cpu')
        : new SchedProbe(() => cgroup.pidsBelow(), host);
    },
  }),
});
