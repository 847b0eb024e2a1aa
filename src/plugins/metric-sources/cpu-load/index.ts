import { ByteScanner } from '../../../kernel/contracts/bytes/index.js';
import {
  type Clock,
  type Column,
  definePlugin,
  type FieldDescriptor,
  isGone,
  type KernelFile,
  type LinuxHost,
  PLUGIN_API_VERSION,
  type Probe,
  type RowWriter,
  type SampleOutcome,
} from '../../../kernel/contracts/index.js';
import { gauge, skipCommand, withoutController } from '../common/index.js';

const source = {
  v1: 'tasks of the cpu hierarchy: states in /proc/<tid>/stat',
  v2: 'cgroup.threads: states in /proc/<tid>/stat',
};

const tasks = (name: string, help: string): FieldDescriptor => ({
  name: `tasks.${name}`,
  unit: 'tasks',
  kind: 'gauge',
  help,
  source,
});

export const fields = {
  loadAverage: gauge('cpu.load_average', 'count', {
    help: 'Tasks that run or are ready to run, smoothed over about 10 seconds, times 1000. Tasks of this cgroup only.',
    source,
  }),
  loadDAverage: gauge('cpu.load_d_average', 'count', {
    help: 'Tasks in uninterruptible sleep, smoothed over about 10 seconds, times 1000. Tasks of this cgroup only.',
    source,
  }),
  sleeping: tasks('sleeping', 'Tasks that sleep and can be woken by a signal (state S).'),
  running: tasks('running', 'Tasks that run or are ready to run (state R).'),
  stopped: tasks('stopped', 'Tasks that were stopped, by a signal or a debugger (states T and t).'),
  uninterruptible: tasks(
    'uninterruptible',
    'Tasks that wait and cannot be woken by a signal, mostly for disks (state D).',
  ),
};

const COLUMNS: readonly Column[] = Object.values(fields).map((field) => ({ field }));
/** Column of each state; other states (zombies, idle kernel threads) are not counted. */
const PLACES = new Map([
  ['S', COLUMNS.findIndex(({ field }) => field === fields.sleeping)],
  ['R', COLUMNS.findIndex(({ field }) => field === fields.running)],
  ['T', COLUMNS.findIndex(({ field }) => field === fields.stopped)],
  ['t', COLUMNS.findIndex(({ field }) => field === fields.stopped)],
  ['D', COLUMNS.findIndex(({ field }) => field === fields.uninterruptible)],
]);
const PLACE_OF_BYTE = Int8Array.from({ length: 256 }, (_, byte) => PLACES.get(String.fromCharCode(byte)) ?? -1);
const RUNNING = PLACES.get('R')!;
const UNINTERRUPTIBLE = PLACES.get('D')!;
/** Time in ms in which an old value decays to 1/e. */
const DECAY_MS = 10_000;
const SCALE = 1000;
/** Paths of ended tasks are dropped when there are this many more paths than tasks. */
const SPARE_PATHS = 64;

/** An exponentially smoothed number of tasks, initialized with the first one. */
export class Load {
  private load = Number.NaN;

  /** @param elapsed ms since the previous number */
  add(tasks: number, elapsed: number): void {
    const kept = Math.exp(-elapsed / DECAY_MS);
    this.load = Number.isNaN(this.load) ? tasks : this.load * kept + tasks * (1 - kept);
  }

  /** The load × 1000, truncated to an integer. */
  get value(): number {
    return Math.trunc(this.load * SCALE);
  }
}

/** Counts the states of the tasks of one cgroup. */
export class CpuLoadProbe implements Probe {
  readonly columns = COLUMNS;
  private readonly scanner = new ByteScanner();
  private readonly paths = new Map<number, string>();
  private readonly counts = new Float64Array(COLUMNS.length);
  private readonly running = new Load();
  private readonly uninterruptible = new Load();
  private ids = new Int32Array(16);
  private sampledAt: number;

  constructor(
    private readonly tasks: KernelFile,
    private readonly host: LinuxHost,
    private readonly clock: Clock,
  ) {
    this.sampledAt = clock.monotonic();
  }

  sample(row: RowWriter): SampleOutcome {
    const { counts, tasks } = this;
    const length = tasks.read();
    if (length < 0) return isGone(tasks.failure) ? 'ended' : 'ok';
    const count = this.takeIds(length);
    counts.fill(0);
    for (let i = 0; i < count; i++) this.countTask(this.ids[i]!);
    if (this.paths.size > count + SPARE_PATHS) this.paths.clear();
    const now = this.clock.monotonic();
    this.running.add(counts[RUNNING]!, now - this.sampledAt);
    this.uninterruptible.add(counts[UNINTERRUPTIBLE]!, now - this.sampledAt);
    this.sampledAt = now;
    row.set(0, this.running.value);
    row.set(1, this.uninterruptible.value);
    for (let i = 2; i < counts.length; i++) row.set(i, counts[i]!);
    return 'ok';
  }

  close(): void {
    this.tasks.close();
  }

  /** Copies the ids out of the shared buffer, which reading the tasks overwrites. */
  private takeIds(length: number): number {
    const { scanner } = this;
    scanner.reset(this.tasks.buffer, length);
    let count = 0;
    do {
      if (!scanner.integer() || scanner.value <= 0) continue;
      if (count === this.ids.length) this.grow();
      this.ids[count++] = scanner.value;
    } while (scanner.nextLine());
    return count;
  }

  private grow(): void {
    const larger = new Int32Array(this.ids.length * 2);
    larger.set(this.ids);
    this.ids = larger;
  }

  private countTask(id: number): void {
    let path = this.paths.get(id);
    if (path === undefined) {
      path = `${id}/stat`;
      this.paths.set(id, path);
    }
    const length = this.host.readProc(path);
    if (length < 0 || !skipCommand(this.scanner, this.host.buffer, length)) return;
    const state = this.scanner.peek();
    const place = state < 0 ? -1 : PLACE_OF_BYTE[state]!;
    if (place >= 0) this.counts[place] = this.counts[place]! + 1;
  }
}

const TASKS_FILE = { 1: 'tasks', 2: 'cgroup.threads' } as const;

export default definePlugin({
  kind: 'metric-source',
  name: 'cpuLoad',
  apiVersion: PLUGIN_API_VERSION,
  description: 'Load average and task states of each container.',
  // Not skipped when idle: a container whose tasks all wait for a disk uses no CPU.
  create: ({ clock, linux }) => ({
    fields: Object.values(fields),
    part: 'cpu',
    attach(target) {
      const tasks = target.cgroup.file('cpu', TASKS_FILE[target.cgroup.version]);
      return tasks === undefined ? withoutController(target, 'cpu') : new CpuLoadProbe(tasks, linux, clock);
    },
  }),
});
