export { type AccessServices, ContainerAccess } from './access.js';
export { AppMetricsKeeper, type AppMetricsOptions, appMetricsOf } from './app-metrics-keeper.js';
export { appContainer } from './container-metrics.js';
export { HttpGetter } from './http-get.js';
export { InFlight } from './in-flight.js';
export type { LateTargets } from './late-targets.js';
