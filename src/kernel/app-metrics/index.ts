export { type AccessServices, ContainerAccess } from './access.js';
export { AppMetricsKeeper, type AppMetricsOptions, appMetricsOf, type LateTargets } from './app-metrics-keeper.js';
export { appContainer } from './container-metrics.js';
export { ResponseBudget } from './fair-shares.js';
export { HttpGetter } from './http-get.js';
