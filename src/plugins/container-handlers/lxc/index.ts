import { definePlugin, PLUGIN_API_VERSION } from '../../../kernel/contracts/index.js';
import { LxcHandler, lxcOptions } from './handler.js';

export { networkModeOf } from './processes.js';

export default definePlugin({
  kind: 'container-handler',
  name: 'lxc',
  apiVersion: PLUGIN_API_VERSION,
  description: 'Names and states of containers of LXC, Incus, LXD and Proxmox.',
  configSchema: lxcOptions,
  create: (context, options) => new LxcHandler(context, options),
});
