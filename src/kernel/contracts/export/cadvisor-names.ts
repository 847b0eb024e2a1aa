import type { FieldDescriptor, Unit } from '../fields.js';
import { CADVISOR_FAMILIES } from './cadvisor-families.js';
import { Naming } from './catalogue.js';

/** Names that a dimension may not have as a label: those of a container's own labels, and what is no label name. */
const UNFIT_DIMENSION = /^(id|name|image|le|quantile|(container_(label|env)|app|__)_.*|[0-9].*|)$/;

const SUFFIXES: Partial<Record<Unit, string>> = {
  nanoseconds: 'seconds',
  microseconds: 'seconds',
  milliseconds: 'seconds',
  percent: 'ratio',
  bytes: 'bytes',
  packets: 'packets',
  operations: 'operations',
  sectors: 'sectors',
  pages: 'pages',
  tasks: 'tasks',
};

/** cAdvisor's names, and `container_<field>[_<unit>][_total]` for fields that it has no name for. */
export const cadvisorNaming = new Naming(CADVISOR_FAMILIES, (field) => ({
  name: genericName(field),
  type: field.kind,
  label: dimensionLabel,
}));

/** A label or metric name as Prometheus takes it: every character outside `[a-zA-Z0-9_]` becomes `_`. */
export function sanitizeName(text: string): string {
  return text.replace(/[^a-zA-Z0-9_]/gu, '_');
}

function genericName({ name, unit, kind }: FieldDescriptor): string {
  const words = `container_${sanitizeName(name)}`;
  const suffix = SUFFIXES[unit];
  const withUnit = suffix === undefined || words.endsWith(`_${suffix}`) ? words : `${words}_${suffix}`;
  return kind === 'counter' && !withUnit.endsWith('_total') ? `${withUnit}_total` : withUnit;
}

function dimensionLabel(dimension: string): string {
  const name = sanitizeName(dimension);
  return UNFIT_DIMENSION.test(name) ? `field_${name}` : name;
}
