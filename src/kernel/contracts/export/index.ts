export * from './agent-metrics.js';
export * from './app-series.js';
export * from './cadvisor-names.js';
export {
  type Families,
  type FamilyType,
  type Feed,
  type GenericFamily,
  type Label,
  type MetricFamily,
  type MetricType,
  Naming,
  type RankedFeed,
  type SampledFamily,
} from './catalogue.js';
export * from './container-facts.js';
export * from './facts.js';
export * from './labels.js';
export * from './machine-metrics.js';
export * from './plan.js';
export * from './selection.js';
