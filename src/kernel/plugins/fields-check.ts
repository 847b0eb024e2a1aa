import { FIELD_KINDS, TallymanError } from '../contracts/index.js';

const UNITS_OF_ROLES: Readonly<Record<string, string>> = {
  'cpu-time': 'nanoseconds',
  'working-set': 'bytes',
  'oom-kills': 'count',
};
const TEXTS = ['name', 'unit', 'help'] as const;

/**
 * Checks the fields that a metric source declares. An incomplete field would break every output that prints it, so its
 * plugin must not start.
 * @throws TallymanError naming the field and the problem
 */
export function checkFields(pluginId: string, fields: unknown): void {
  const fault = Array.isArray(fields) ? faultOf(fields) : 'has no list of fields';
  if (fault === undefined) return;
  throw new TallymanError(`plugin ${pluginId} ${fault}`, { hint: 'see FieldDescriptor of tallyman/plugin' });
}

function faultOf(fields: readonly unknown[]): string | undefined {
  for (const [index, field] of fields.entries()) {
    if (typeof field !== 'object' || field === null) return `declares field ${index}, which is not an object`;
    const given = field as Record<string, unknown>;
    const called = typeof given.name === 'string' && given.name !== '' ? `field ${given.name}` : `field ${index}`;
    const missing = TEXTS.find((member) => typeof given[member] !== 'string' || given[member] === '');
    if (missing !== undefined) return `declares ${called} without ${missing}`;
    if (!FIELD_KINDS.some((kind) => kind === given.kind))
      return `declares ${called} with a kind that is none of ${FIELD_KINDS.join(', ')}`;
    if (typeof given.source !== 'object' || given.source === null) return `declares ${called} without source`;
    const fault = given.role === undefined ? undefined : roleFault(String(given.role), given.unit);
    if (fault !== undefined) return `declares ${called} ${fault}`;
  }
  return undefined;
}

function roleFault(role: string, unit: unknown): string | undefined {
  const wanted = Object.hasOwn(UNITS_OF_ROLES, role) ? UNITS_OF_ROLES[role] : undefined;
  if (wanted === undefined) return `with a role that is none of ${Object.keys(UNITS_OF_ROLES).join(', ')}`;
  return unit === wanted ? undefined : `with the role ${role}, which is in ${wanted}, and the unit ${String(unit)}`;
}
