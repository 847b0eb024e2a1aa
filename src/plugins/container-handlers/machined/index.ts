import { definePlugin, PLUGIN_API_VERSION } from '../../../kernel/contracts/index.js';
import { MachinedHandler, machinedOptions } from './handler.js';

export default definePlugin({
  kind: 'container-handler',
  name: 'machined',
  apiVersion: PLUGIN_API_VERSION,
  description: 'Names of systemd-nspawn containers and libvirt guests.',
  configSchema: machinedOptions,
  create: (context, options) => new MachinedHandler(context, options),
});
