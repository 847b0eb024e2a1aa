import { definePlugin, PLUGIN_API_VERSION } from '../../../kernel/contracts/index.js';
import { dockerPaths } from './cgroup-path.js';
import { dockerHandler } from './handler.js';
import { engineOptions } from './options.js';

export { podmanPaths } from './cgroup-path.js';
export { dockerHandler, type EngineKind } from './handler.js';
export { type EngineOptions, engineOptions } from './options.js';

const kind = { namespace: 'docker', paths: dockerPaths, defaultEndpoint: 'unix:///var/run/docker.sock' };

export default definePlugin({
  kind: 'container-handler',
  name: 'docker',
  apiVersion: PLUGIN_API_VERSION,
  description: 'Names, labels, images and states of Docker containers.',
  configSchema: engineOptions(kind.defaultEndpoint),
  create: (context, options) => dockerHandler(kind, options, context),
});
