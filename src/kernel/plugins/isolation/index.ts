export { IsolatedAppMetrics, type IsolationListener, type LateTargets } from './isolated-app-metrics.js';
export { loadIsolated } from './load-isolated.js';
