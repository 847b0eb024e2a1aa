import type {
  Column,
  LinuxHost,
  Probe,
  RowWriter,
  SampleOutcome,
  TrackedFilesystem,
} from '../../../kernel/contracts/index.js';
import { sameColumns } from '../common/index.js';
import { counterFields, usageFields } from './fields.js';

/** The API's type of all filesystems that are measured by `statfs(2)`. */
const MEASURED_BY_STATFS = 'vfs';

/** A filesystem and the position of its columns. */
interface Place {
  readonly mountpoint: string;
  /** `major:minor` */
  readonly numbers: string;
  readonly base: number;
  readonly counted: boolean;
}

/** All tracked filesystems of the machine. */
export class MachineFilesystemsProbe implements Probe {
  columns: readonly Column[] = [];
  private filesystems: readonly TrackedFilesystem[] = [];
  private places: readonly Place[] = [];

  constructor(private readonly host: LinuxHost) {
    this.layOut(host.filesystems());
  }

  sample(row: RowWriter): SampleOutcome {
    const filesystems = this.host.filesystems();
    if (filesystems !== this.filesystems && this.layOut(filesystems)) return 'layout-changed';
    const counters = this.host.diskCounters();
    for (const place of this.places) {
      this.writeUsage(row, place);
      const counted = place.counted ? counters.get(place.numbers) : undefined;
      if (counted === undefined) continue;
      const base = place.base + usageFields.length;
      for (let i = 0; i < counterFields.length; i++) row.set(base + i, counted[counterFields[i]!.key]);
    }
    return 'ok';
  }

  close(): void {}

  /** In the order of `usageFields`. */
  private writeUsage(row: RowWriter, { base, mountpoint }: Place): void {
    const usage = this.host.filesystemUsage(mountpoint);
    if (usage === undefined) return;
    row.set(base, usage.capacity);
    row.set(base + 1, usage.capacity - usage.free);
    row.set(base + 2, usage.available);
    row.set(base + 3, usage.inodes);
    row.set(base + 4, usage.inodesFree);
  }

  /** Filesystems without a block device (tmpfs, overlay) have no line in diskstats. @returns whether the layout changed */
  private layOut(filesystems: readonly TrackedFilesystem[]): boolean {
    const counters = this.host.diskCounters();
    const columns: Column[] = [];
    const places: Place[] = [];
    for (const { device, major, minor, mountpoint } of filesystems) {
      const numbers = `${major}:${minor}`;
      const counted = counters.has(numbers);
      places.push({ mountpoint, numbers, base: columns.length, counted });
      const shared = { labels: [device], attributes: { type: MEASURED_BY_STATFS, mountpoint } };
      const fields = counted ? [...usageFields, ...counterFields.map(({ field }) => field)] : usageFields;
      columns.push(...fields.map((field) => ({ field, ...shared })));
    }
    this.filesystems = filesystems;
    this.places = places;
    if (sameColumns(columns, this.columns)) return false;
    this.columns = columns;
    return true;
  }
}
