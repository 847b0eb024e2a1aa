import { definePlugin, PLUGIN_API_VERSION } from '../../../kernel/contracts/index.js';
import { PrometheusCollector } from './collector.js';
import { prometheusOptions } from './options.js';

export default definePlugin({
  kind: 'app-metrics',
  name: 'app-prometheus',
  apiVersion: PLUGIN_API_VERSION,
  description: 'Collects metrics that applications serve in the Prometheus text format or as OpenMetrics.',
  configSchema: prometheusOptions,
  create: (_context, options) => new PrometheusCollector(options),
});
