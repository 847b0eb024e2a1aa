import { counter, type Feed, gauge, type SampledFamily } from './catalogue.js';

const device = { device: 'device' };
const io = (field: string, operation: string): Feed => ({
  field: `diskio.${field}`,
  labels: device,
  where: { operation },
});
const filesystem = (field: string): Feed => ({ field: `filesystem.${field}`, labels: device });

/** Block devices, and filesystems. Where both know a device, the container's own numbers win over the device's. */
export const diskFamilies: readonly SampledFamily[] = [
  gauge('fs_limit_bytes', [filesystem('capacity')]),
  gauge('fs_usage_bytes', [filesystem('usage')]),
  gauge('fs_available_bytes', [filesystem('available')]),
  gauge('fs_base_usage_bytes', [filesystem('base_usage')]),
  gauge('fs_inodes_total', [filesystem('inodes')]),
  gauge('fs_inodes_free', [filesystem('inodes_free')]),
  counter('fs_reads_bytes_total', [io('io_service_bytes', 'Read')], 'Bytes read from the device.'),
  counter('fs_writes_bytes_total', [io('io_service_bytes', 'Write')], 'Bytes written to the device.'),
  counter('fs_reads_total', [io('io_serviced', 'Read'), filesystem('reads_completed')], 'Reads carried out.'),
  counter('fs_writes_total', [io('io_serviced', 'Write'), filesystem('writes_completed')], 'Writes carried out.'),
  counter('fs_sector_reads_total', [io('sectors', 'Read'), filesystem('sectors_read')], 'Sectors read.'),
  counter('fs_sector_writes_total', [io('sectors', 'Write'), filesystem('sectors_written')], 'Sectors written.'),
  counter(
    'fs_reads_merged_total',
    [io('io_merged', 'Read'), filesystem('reads_merged')],
    'Reads that were merged into others.',
  ),
  counter(
    'fs_writes_merged_total',
    [io('io_merged', 'Write'), filesystem('writes_merged')],
    'Writes that were merged into others.',
  ),
  counter(
    'fs_read_seconds_total',
    [io('io_service_time', 'Read'), filesystem('read_time')],
    'Time spent reading, summed over requests.',
  ),
  counter(
    'fs_write_seconds_total',
    [io('io_service_time', 'Write'), filesystem('write_time')],
    'Time spent writing, summed over requests.',
  ),
  gauge('fs_io_current', [io('io_queued', 'Total'), filesystem('io_in_progress')], 'Requests under way.'),
  counter(
    'fs_io_time_seconds_total',
    [io('io_service_time', 'Total'), filesystem('io_time')],
    'Time for which the device was busy.',
  ),
  counter('fs_io_time_weighted_seconds_total', [filesystem('weighted_io_time')]),
  ...['usage', 'wait', 'indebt', 'indelay'].map((kind) =>
    counter(`fs_io_cost_${kind}_seconds_total`, [io(`io_cost_${kind}`, 'Count')]),
  ),
  counter('blkio_device_usage_total', 'diskio.io_service_bytes', 'Bytes moved, by device and operation.'),
];
