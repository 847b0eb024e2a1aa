import { definePlugin, PLUGIN_API_VERSION } from '../../../kernel/contracts/index.js';
import { RegexCollector } from './collector.js';
import { regexOptions } from './options.js';

export default definePlugin({
  kind: 'app-metrics',
  name: 'app-regex',
  apiVersion: PLUGIN_API_VERSION,
  description: 'Takes metrics out of the pages that applications serve, by regular expressions.',
  configSchema: regexOptions,
  create: (_context, options) => new RegexCollector(options),
});
