import { definePlugin, PLUGIN_API_VERSION } from '../../../kernel/contracts/index.js';
import { SystemdHandler } from './handler.js';
import { systemdOptions } from './options.js';

export { decoded, unitOf } from './unit-name.js';

export default definePlugin({
  kind: 'container-handler',
  name: 'systemd',
  apiVersion: PLUGIN_API_VERSION,
  description: 'Names of systemd units, their descriptions, states and restarts.',
  configSchema: systemdOptions,
  create: (context, options) => new SystemdHandler(context, options),
});
