import type { ContainerView, ProvidedField, SampleCursor } from '../../../../kernel/contracts/index.js';
import { type Html, html } from '../shared/html.js';
import type { PageRequest } from './page-request.js';
import { labelsOf, tableSection } from './tables.js';

/** So many values are shown. */
const VALUES = 200;

/** The newest values of the fields of metric sources that did not come with the agent. */
export function fieldsSection(container: ContainerView, { agent }: PageRequest): Html | undefined {
  const fields = new Map(agent.fields().map((field) => [field.name, field]));
  const window = container.samples({ count: 1 });
  const rows = window.length === 0 ? [] : rowsOf(window.at(0, {} as SampleCursor), fields);
  if (rows.length === 0) return undefined;
  const cut = rows.length > VALUES && html` (the first ${VALUES})`;
  const heading = html`Numbers of other plugins <small>${rows.length}</small>${cut}`;
  return tableSection('fields', heading, ['Field', 'Labels', 'Value', 'Plugin'], rows.slice(0, VALUES));
}

function rowsOf({ layout, values, residuals, base }: SampleCursor, fields: ReadonlyMap<string, ProvidedField>): Html[] {
  return layout.columns.flatMap(({ field: { name, unit, help, dimensions = [] }, labels = [] }, column) => {
    const value = values[base + column]!;
    const field = fields.get(name);
    if (field === undefined || field.isBuiltin || Number.isNaN(value)) return [];
    const text = Number.isInteger(value) ? BigInt(value) + BigInt(residuals?.[base + column] ?? 0) : value;
    const pairs = Object.fromEntries(dimensions.map((dimension, index) => [dimension, labels[index] ?? '']));
    return html`<tr><th scope="row" title="${help}">${name}</th><td>${labelsOf(pairs)}</td><td class="number">${text}${unit === 'count' ? '' : ` ${unit}`}</td><td>${field.plugin}</td></tr>
`;
  });
}
