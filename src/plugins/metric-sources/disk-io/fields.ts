import type { FieldDescriptor, FieldKind, Unit } from '../../../kernel/contracts/index.js';

const dimensions = ['major', 'minor', 'device', 'operation'] as const;

const field = (
  name: string,
  unit: Unit,
  kind: FieldKind,
  help: string,
  source: FieldDescriptor['source'],
): FieldDescriptor => ({ name: `diskio.${name}`, unit, kind, help, source, dimensions });

const BFQ = 'blkio.bfq.*_recursive';
const CFQ = 'blkio.*_recursive';

export const diskIoFields = {
  ioServiceBytes: field('io_service_bytes', 'bytes', 'counter', 'Bytes moved to and from the device.', {
    v1: `io_service_bytes of ${BFQ}, ${CFQ} or blkio.throttle.*`,
    v2: 'io.stat: rbytes (Read), wbytes (Write)',
  }),
  ioServiced: field('io_serviced', 'operations', 'counter', 'Requests that the device carried out.', {
    v1: `io_serviced of ${BFQ}, ${CFQ} or blkio.throttle.*`,
    v2: 'io.stat: rios (Read), wios (Write)',
  }),
  ioQueued: field('io_queued', 'operations', 'gauge', 'Requests that wait in the scheduler.', {
    v1: `io_queued of ${BFQ} or ${CFQ}`,
  }),
  sectors: field('sectors', 'sectors', 'counter', 'Sectors of 512 bytes moved to and from the device.', {
    v1: `sectors of ${BFQ} or ${CFQ}`,
  }),
  ioServiceTime: field(
    'io_service_time',
    'nanoseconds',
    'counter',
    'Time between handing requests to the device and their completion, summed over requests.',
    { v1: `io_service_time of ${BFQ} or ${CFQ}` },
  ),
  ioWaitTime: field(
    'io_wait_time',
    'nanoseconds',
    'counter',
    'Time that requests spent waiting in the scheduler, summed over requests.',
    { v1: `io_wait_time of ${BFQ} or ${CFQ}` },
  ),
  ioMerged: field('io_merged', 'operations', 'counter', 'Requests that were merged into others.', {
    v1: `io_merged of ${BFQ} or ${CFQ}`,
  }),
  ioTime: field('io_time', 'milliseconds', 'counter', 'Time for which the device served the container.', {
    v1: `time of ${BFQ} or ${CFQ}`,
  }),
  ioCostUsage: field('io_cost_usage', 'microseconds', 'counter', 'Device time charged by the io.cost controller.', {
    v2: 'io.stat: cost.usage',
  }),
  ioCostWait: field('io_cost_wait', 'microseconds', 'counter', 'Time that requests were held back by io.cost.', {
    v2: 'io.stat: cost.wait',
  }),
  ioCostIndebt: field(
    'io_cost_indebt',
    'microseconds',
    'counter',
    'Time that the container was in debt for requests that could not be held back, such as swapping.',
    { v2: 'io.stat: cost.indebt' },
  ),
  ioCostIndelay: field(
    'io_cost_indelay',
    'microseconds',
    'counter',
    'Time that processes were delayed to pay such debt.',
    { v2: 'io.stat: cost.indelay' },
  ),
};
