export { IsolatedAppMetrics, type IsolationListener } from './isolated-app-metrics.js';
export { loadIsolated } from './load-isolated.js';
