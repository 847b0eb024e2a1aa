export { AppMetricsKeeper, type AppMetricsOptions } from './app-metrics-keeper.js';
