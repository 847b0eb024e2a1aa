import { TallymanError } from '../contracts/index.js';

const KINDS = ['counter', 'gauge'];
const TEXTS = ['name', 'unit', 'help'] as const;

/**
 * Checks what a metric source declares. A field that lacks something would fail every output that prints it, of all
 * containers and plugins: better its plugin does not start.
 * @throws TallymanError naming the field and what is wrong with it
 */
export function checkFields(pluginId: string, fields: unknown): void {
  const fault = Array.isArray(fields) ? faultOf(fields) : 'has no list of fields';
  if (fault === undefined) return;
  throw new TallymanError(`plugin ${pluginId} ${fault}`, { hint: 'see FieldDescriptor of tallyman/plugin' });
}

function faultOf(fields: readonly unknown[]): string | undefined {
  for (const [index, field] of fields.entries()) {
    if (typeof field !== 'object' || field === null) return `declares as field ${index} what is none`;
    const given = field as Record<string, unknown>;
    const called = typeof given.name === 'string' && given.name !== '' ? `field ${given.name}` : `field ${index}`;
    const missing = TEXTS.find((member) => typeof given[member] !== 'string' || given[member] === '');
    if (missing !== undefined) return `declares ${called} without ${missing}`;
    if (!KINDS.includes(String(given.kind)))
      return `declares ${called} with a kind that is none of ${KINDS.join(', ')}`;
    if (typeof given.source !== 'object' || given.source === null) return `declares ${called} without source`;
  }
  return undefined;
}
