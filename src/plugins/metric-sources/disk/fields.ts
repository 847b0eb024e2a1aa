import type { DiskCounters, FieldDescriptor, FieldKind, Unit } from '../../../kernel/contracts/index.js';

const field = (name: string, unit: Unit, kind: FieldKind, help: string, any: string): FieldDescriptor => ({
  name: `filesystem.${name}`,
  unit,
  kind,
  help,
  source: { any },
  dimensions: ['device'],
});

/** Fields of the `disk` source that `statfs(2)` gives, in column order. */
export const usageFields = [
  field('capacity', 'bytes', 'gauge', 'Size of the filesystem.', 'statfs: f_blocks × f_frsize'),
  field(
    'usage',
    'bytes',
    'gauge',
    'Space in use; of a container, by its writable layer and logs.',
    'statfs: (f_blocks − f_bfree) × f_frsize; of a container, st_blocks of its files',
  ),
  field('available', 'bytes', 'gauge', 'Space left for ordinary users.', 'statfs: f_bavail × f_frsize'),
  field(
    'inodes',
    'count',
    'gauge',
    'Inodes of the filesystem; of a container, of its writable layer.',
    'statfs: f_files; of a container, files found',
  ),
  field('inodes_free', 'count', 'gauge', 'Inodes left.', 'statfs: f_ffree'),
] as const;

const layerUsage = field(
  'base_usage',
  'bytes',
  'gauge',
  'Space that the writable layer of a container takes up.',
  'st_blocks of every file below the writable layer',
);

/** Fields of a container's filesystem, in column order. */
export const layerFields = [usageFields[0], usageFields[1], layerUsage, usageFields[3]] as const;

const DISKSTATS = '/proc/diskstats: ';

/** Fields of the `disk` source that the block device's line of `/proc/diskstats` gives, in column order. */
export const counterFields: readonly { readonly key: keyof DiskCounters; readonly field: FieldDescriptor }[] = (
  [
    ['reads_completed', 'operations', 'counter', 'Reads that the device completed.'],
    ['reads_merged', 'operations', 'counter', 'Reads that were merged into others.'],
    ['sectors_read', 'sectors', 'counter', 'Sectors of 512 bytes read.'],
    ['read_time', 'milliseconds', 'counter', 'Time spent on reads, summed over requests.'],
    ['writes_completed', 'operations', 'counter', 'Writes that the device completed.'],
    ['writes_merged', 'operations', 'counter', 'Writes that were merged into others.'],
    ['sectors_written', 'sectors', 'counter', 'Sectors of 512 bytes written.'],
    ['write_time', 'milliseconds', 'counter', 'Time spent on writes, summed over requests.'],
    ['io_in_progress', 'operations', 'gauge', 'Requests under way.'],
    ['io_time', 'milliseconds', 'counter', 'Time in which any request was under way.'],
    ['weighted_io_time', 'milliseconds', 'counter', 'Time that requests were under way, summed over requests.'],
  ] as const
).map(([key, unit, kind, help], i) => ({ key, field: field(key, unit, kind, help, `${DISKSTATS}field ${i + 4}`) }));
