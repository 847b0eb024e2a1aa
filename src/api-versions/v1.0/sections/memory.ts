import type { Layout } from '../../../kernel/contracts/index.js';
import { labelOf, membersOf, type RowPrinterBuilder } from '../row-printer.js';
import { pressure } from './cpu.js';
import { FAULTS, MEMORY_EVENTS, MEMORY_KEYS, PAGE_KINDS } from './keys.js';

const MEMORY = membersOf('memory.', MEMORY_KEYS);
const EVENTS = membersOf('memory.events.', MEMORY_EVENTS);
const SCOPES: readonly (readonly [key: string, scope: string])[] = [
  ['container_data', 'container'],
  ['hierarchical_data', 'hierarchical'],
];

export function memory(b: RowPrinterBuilder, layout: Layout): void {
  b.text('{').members(layout, MEMORY);
  for (const [key, scope] of SCOPES) {
    b.text(`,"${key}":{`).members(layout, membersOf(`memory.${scope}.`, FAULTS));
    numaPages(b, layout, `memory.numa.${scope}`);
    b.text('}');
  }
  pressure(b, layout, 'memory');
  b.text(',"events":{').members(layout, EVENTS).text('}}');
}

/** `,"numa_stats":{…}`: pages of each node by kind, as far as the layout has them. */
function numaPages(b: RowPrinterBuilder, layout: Layout, field: string): void {
  const kinds = PAGE_KINDS.filter((kind) => layout.indexOf(`${field}.${kind}`) >= 0);
  b.text(',"numa_stats":{').list(kinds, (kind) => {
    const nodes = layout.indexesOf(`${field}.${kind}`);
    b.text(`"${kind}":{`).list(nodes, (column) => b.string(labelOf(layout, column)).text(':').integer(column));
    b.text('}');
  });
  b.text('}');
}
