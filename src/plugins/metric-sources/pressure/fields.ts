import type { FieldDescriptor } from '../../../kernel/contracts/index.js';

/** Resources that the kernel tells the pressure of. */
export const RESOURCES = ['cpu', 'memory', 'io'] as const;
export type Resource = (typeof RESOURCES)[number];

/** What the tasks lack. */
const LACK: Readonly<Record<Resource, string>> = { cpu: 'a CPU', memory: 'memory', io: 'I/O' };
const WHO = { some: 'at least one task', full: 'all tasks at once' } as const;
const WINDOWS = { avg10: '10 seconds', avg60: 'minute', avg300: '5 minutes' } as const;

const fieldsOf = (resource: Resource, kind: keyof typeof WHO): FieldDescriptor[] => {
  const name = (measure: string): string => `pressure.${resource}.${kind}.${measure}`;
  const source = (measure: string): FieldDescriptor['source'] => ({ any: `${resource}.pressure: ${kind} ${measure}` });
  const waiting = `${WHO[kind]} had to wait for ${LACK[resource]}`;
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
