import type {
  Column,
  FieldDescriptor,
  FieldKind,
  MetricSource,
  SamplePart,
  Unit,
} from '../../kernel/contracts/index.js';
import type { Problems } from './check.js';

const UNITS: ReadonlySet<string> = new Set<Unit>([
  'bytes',
  'nanoseconds',
  'microseconds',
  'milliseconds',
  'count',
  'packets',
  'operations',
  'sectors',
  'pages',
  'tasks',
  'percent',
]);
const KINDS: ReadonlySet<string> = new Set<FieldKind>(['counter', 'gauge']);
const PARTS: ReadonlySet<string> = new Set<SamplePart>([
  'cpu',
  'memory',
  'diskio',
  'network',
  'filesystem',
  'processes',
  'hugetlb',
  'other',
]);
const FIELD_NAME = /^[a-z][\w-]*(\.[\w-]+)+$/i;

/** Checks that the declared fields of a source are complete. */
export function checkFields({ fields, part }: MetricSource, problems: Problems): void {
  if (!PARTS.has(part)) problems.add(`part ${JSON.stringify(part)} is none of ${[...PARTS].join(', ')}`);
  if (!Array.isArray(fields) || fields.length === 0) problems.add('it declares no fields');
  const names = new Set<string>();
  for (const field of fields ?? []) {
    checkField(field, problems);
    if (names.has(field.name)) problems.add(`field ${field.name} is declared twice`);
    names.add(field.name);
  }
}

function checkField({ name, unit, kind, help, source }: FieldDescriptor, problems: Problems): void {
  if (!FIELD_NAME.test(name))
    problems.add(`field ${JSON.stringify(name)}: a name has two words or more, as in memory.slab`);
  if (!UNITS.has(unit)) problems.add(`field ${name}: unit ${JSON.stringify(unit)} is none of ${[...UNITS].join(', ')}`);
  if (!KINDS.has(kind)) problems.add(`field ${name}: kind is neither counter nor gauge`);
  if (typeof help !== 'string' || help.trim().length < 5)
    problems.add(`field ${name}: help does not say what it means`);
  if ([source?.v1, source?.v2, source?.any].every((text) => text === undefined || text === '')) {
    problems.add(`field ${name}: source does not say where the number comes from`);
  }
}

export function checkColumns(columns: readonly Column[], source: MetricSource, problems: Problems): void {
  const declared = new Set(source.fields.map(({ name }) => name));
  const seen = new Set<string>();
  for (const { field, labels = [] } of columns) {
    if (!declared.has(field.name)) problems.add(`a probe writes ${field.name}, which is not among the source's fields`);
    const dimensions = field.dimensions ?? [];
    if (labels.length !== dimensions.length) {
      problems.add(
        `a column of ${field.name} has ${labels.length} labels for the dimensions [${dimensions.join(', ')}]`,
      );
    }
    const key = [field.name, ...labels].join('\0');
    if (seen.has(key)) problems.add(`two columns of a probe are the same: ${field.name} ${labels.join(', ')}`);
    seen.add(key);
  }
}
