import {
  type Column,
  FIELD_KINDS,
  type FieldDescriptor,
  type MetricSource,
  SAMPLE_PARTS,
  UNITS,
} from '../../kernel/contracts/index.js';
import type { Problems } from './check.js';

const FIELD_NAME = /^[a-z][\w-]*(\.[\w-]+)+$/i;

export function checkFields({ fields, part }: MetricSource, problems: Problems): void {
  if (!SAMPLE_PARTS.includes(part)) problems.add(`part ${JSON.stringify(part)} is none of ${SAMPLE_PARTS.join(', ')}`);
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
  if (!UNITS.includes(unit)) problems.add(`field ${name}: unit ${JSON.stringify(unit)} is none of ${UNITS.join(', ')}`);
  if (!FIELD_KINDS.includes(kind)) problems.add(`field ${name}: kind is neither counter nor gauge`);
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
