import { ByteScanner } from '../../../kernel/contracts/bytes/index.js';
import type { Column, LinuxHost, Probe, RowWriter, SampleOutcome } from '../../../kernel/contracts/index.js';
import { ExactSum } from '../common/index.js';
import { schedFields as fields } from './fields.js';

const COLUMNS: readonly Column[] = Object.values(fields).map((field) => ({ field }));

/** What a process's `/proc/<pid>/schedstat` said last. */
class ProcessTimes {
  readonly values = new Float64Array(COLUMNS.length);
  readonly residuals = new Int16Array(COLUMNS.length);
  /** The sample in which the process was last seen. */
  round = 0;

  constructor(readonly path: string) {}
}

/** Reads the three numbers of a `schedstat`. @returns false when there are not three */
export function readTimes(scanner: ByteScanner, values: Float64Array, residuals: Int16Array): boolean {
  for (let i = 0; i < values.length; i++) {
    scanner.skipSpaces();
    if (!scanner.integer()) return false;
    values[i] = scanner.value;
    residuals[i] = scanner.residual;
  }
  return true;
}

/** Sums over the processes of a container. What a process had when it ended stays in the sum. */
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
    // Time on the CPU only grows: less of it means that the pid is another process now.
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
