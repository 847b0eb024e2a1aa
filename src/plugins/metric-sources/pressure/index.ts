import {
  type Absent,
  definePlugin,
  type FieldDescriptor,
  type LinuxHost,
  PLUGIN_API_VERSION,
  type ProbeTarget,
} from '../../../kernel/contracts/index.js';
import {
  type ByteSource,
  type Cell,
  type Missing,
  PartsProbe,
  procSource,
  TablePart,
  TableShapes,
} from '../common/index.js';

/** Resources with pressure information. */
export const RESOURCES = ['cpu', 'memory', 'io'] as const;
export type Resource = (typeof RESOURCES)[number];

const RESOURCE_NAMES: Readonly<Record<Resource, string>> = { cpu: 'a CPU', memory: 'memory', io: 'I/O' };
const TASKS = { some: 'at least one task', full: 'all tasks at once' } as const;
const WINDOWS = { avg10: '10 seconds', avg60: 'minute', avg300: '5 minutes' } as const;

const fieldsOf = (resource: Resource, kind: keyof typeof TASKS): FieldDescriptor[] => {
  const name = (measure: string): string => `pressure.${resource}.${kind}.${measure}`;
  const source = (measure: string): FieldDescriptor['source'] => ({ any: `${resource}.pressure: ${kind} ${measure}` });
  const waiting = `${TASKS[kind]} had to wait for ${RESOURCE_NAMES[resource]}`;
  const total: FieldDescriptor = {
    name: name('total'),
    unit: 'microseconds',
    kind: 'counter',
    help: `Time in which ${waiting}.`,
    source: source('total'),
  };
  const averages = Object.entries(WINDOWS).map(
    ([measure, window]): FieldDescriptor => ({
      name: name(measure),
      unit: 'percent',
      kind: 'gauge',
      help: `Share of the last ${window} in which ${waiting}.`,
      source: source(measure),
    }),
  );
  return [total, ...averages];
};

/** Fields of the `pressure` source by name. */
export const pressureFields: ReadonlyMap<string, FieldDescriptor> = new Map(
  RESOURCES.flatMap((resource) => [...fieldsOf(resource, 'some'), ...fieldsOf(resource, 'full')]).map((field) => [
    field.name,
    field,
  ]),
);

const LINE = /^(some|full) (.*)$/gm;
const PAIR = /(\w+)=(\S+)/g;
const NUMBER = /^\d+(?:\.\d+)?$/;
const OFF = 'the kernel gives no pressure information; boot with psi=1 (Linux 4.20 with CONFIG_PSI)';
const NOT_UNIFIED: Absent = { absent: 'it is not in the unified cgroup hierarchy', expected: true };

/** The numbers of a pressure file: `some avg10=0.00 avg60=0.00 avg300=0.00 total=0`, and the same with `full`. */
export function findPressureCells(text: string, resource: Resource): Cell[] {
  return Array.from(text.matchAll(LINE)).flatMap((match) => {
    const [line, kind, pairs] = match;
    const from = match.index + line.length - pairs!.length;
    return Array.from(pairs!.matchAll(PAIR), (pair): Cell => {
      const [whole, key, value] = pair;
      const at = from + pair.index + whole.length - value!.length;
      const field = NUMBER.test(value!) ? pressureFields.get(`pressure.${resource}.${kind}.${key}`) : undefined;
      return field === undefined ? { at } : { at, column: { field } };
    });
  });
}

/** The root cgroup has no pressure files on older kernels; `/proc/pressure` has the same values. */
function sourceOf(target: ProbeTarget, linux: LinuxHost, resource: Resource): ByteSource | undefined {
  const file = target.cgroup.unifiedFile(`${resource}.pressure`);
  return file ?? (target.isRoot ? procSource(linux, `pressure/${resource}`) : undefined);
}

function openTable(
  target: ProbeTarget,
  linux: LinuxHost,
  resource: Resource,
  shapes: TableShapes,
): TablePart | undefined {
  const source = sourceOf(target, linux, resource);
  if (source === undefined) return undefined;
  const table = new TablePart(source, (text) => findPressureCells(text, resource), shapes);
  if (table.prepare()) return table;
  table.close();
  return undefined;
}

export default definePlugin({
  kind: 'metric-source',
  name: 'pressure',
  apiVersion: PLUGIN_API_VERSION,
  description: 'Pressure stall information: how long the tasks of each container waited for CPU, memory and I/O.',
  // Not skipped when idle: a container in which everything waits uses no CPU.
  create({ linux }) {
    const shapes = RESOURCES.map(() => new TableShapes(true));
    return {
      fields: [...pressureFields.values()],
      part: 'other',
      attach(target) {
        // One look at the directory is cheaper than three files that cannot be opened.
        if (!target.isRoot && target.cgroup.unifiedDirectory() === undefined) return NOT_UNIFIED;
        const tables = RESOURCES.map((resource, i) => ({
          resource,
          table: openTable(target, linux, resource, shapes[i]!),
        }));
        const parts = tables.flatMap(({ table }) => table ?? []);
        if (parts.length === 0) return target.isRoot ? { absent: OFF } : { absent: OFF, expected: true };
        const lacking = tables.filter(({ table }) => table === undefined);
        const missing = lacking.map(({ resource }): Missing => ({ what: `pressure.${resource}`, reason: OFF }));
        return new PartsProbe(parts, { missing });
      },
    };
  },
});
