import {
  type FamilyType,
  type Feed,
  type FieldDescriptor,
  Naming,
  type SampledFamily,
  type Unit,
} from '../../../kernel/contracts/index.js';

export const SCHEMA_URL = 'https://opentelemetry.io/schemas/1.37.0';

const family = (
  name: string,
  type: FamilyType,
  unit: string,
  feeds: readonly Feed[],
  help?: string,
): SampledFamily => ({
  name: `container.${name}`,
  type,
  unit,
  feeds,
  ...(help !== undefined && { help }),
});

const cpu = (field: string, mode: string): Feed => ({ field: `cpu.usage.${field}`, fixed: { 'cpu.mode': mode } });

const faults = (field: string, type: string, minus?: string): Feed => ({
  field: `memory.hierarchical.${field}`,
  fixed: { 'system.paging.fault.type': type },
  ...(minus !== undefined && { minus: `memory.hierarchical.${minus}` }),
});

const disk = (operation: string, direction: string): Feed => ({
  field: 'diskio.io_service_bytes',
  where: { operation },
  fixed: { 'disk.io.direction': direction },
  labels: { 'system.device': 'device' },
});

const network = (field: string, direction: string): Feed => ({
  field: `network.${field}`,
  fixed: { 'network.io.direction': direction },
  labels: { 'network.interface.name': 'interface' },
});

const bytes = (field: string) => family(field, 'upDownCounter', 'By', [{ field }]);
const filesystem = (name: string) =>
  family(`filesystem.${name}`, 'upDownCounter', 'By', [
    { field: `filesystem.${name}`, labels: { 'system.device': 'device' } },
  ]);

/** The semantic conventions for containers. */
const FAMILIES: readonly SampledFamily[] = [
  family('cpu.time', 'counter', 's', [
    cpu('user', 'user'),
    cpu('system', 'system'),
    { field: 'cpu.usage.total', unless: 'cpu.usage.user' },
  ]),
  bytes('memory.usage'),
  bytes('memory.working_set'),
  bytes('memory.rss'),
  family('memory.paging.faults', 'counter', '{fault}', [
    faults('pgmajfault', 'major'),
    faults('pgfault', 'minor', 'pgmajfault'),
  ]),
  family('disk.io', 'counter', 'By', [disk('Read', 'read'), disk('Write', 'write')]),
  family('network.io', 'counter', 'By', [network('rx_bytes', 'receive'), network('tx_bytes', 'transmit')]),
  filesystem('available'),
  filesystem('capacity'),
  filesystem('usage'),
];

/** Units in the UCUM code that OpenTelemetry asks for. */
const UNITS: Record<Unit, string> = {
  bytes: 'By',
  nanoseconds: 's',
  microseconds: 's',
  milliseconds: 's',
  count: '1',
  packets: '{packet}',
  operations: '{operation}',
  sectors: '{sector}',
  pages: '{page}',
  tasks: '{task}',
  percent: '1',
};

/** Fields that OpenTelemetry has no name for, as `container.<field>`. */
const generic = ({ name, kind, unit }: FieldDescriptor) => ({
  name: `container.${name.toLowerCase()}`,
  type: kind,
  unit: UNITS[unit],
  label: (dimension: string) => dimension,
});

/** OpenTelemetry's names. @param all whether fields that it has no name for are sent as well */
export function otelNaming(all: boolean): Naming {
  return new Naming(FAMILIES, all ? generic : () => undefined);
}
