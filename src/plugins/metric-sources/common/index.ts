/** What the built-in metric sources share: their fields, and probes put together from one part per kernel file. */
import type { FieldDescriptor, Unit } from '../../../kernel/contracts/index.js';

export * from './parts.js';
export * from './processes.js';
export * from './repeating-parts.js';
export * from './table-part.js';

type Details = Omit<FieldDescriptor, 'name' | 'unit' | 'kind'>;

/** A field whose value only grows. */
export const counter = (name: string, unit: Unit, details: Details): FieldDescriptor => ({
  name,
  unit,
  kind: 'counter',
  ...details,
});

/** A field whose value goes up and down. */
export const gauge = (name: string, unit: Unit, details: Details): FieldDescriptor => ({
  name,
  unit,
  kind: 'gauge',
  ...details,
});
