import { definePlugin, PLUGIN_API_VERSION } from '../../../kernel/contracts/index.js';
import { dockerPaths } from './cgroup-path.js';
import { EngineHandler } from './handler.js';
import { engineOptions } from './options.js';

export { type PathPattern, podmanPaths } from './cgroup-path.js';
export { EngineHandler, type EngineKind } from './handler.js';
export { type EngineOptions, engineOptions } from './options.js';

export default definePlugin({
  kind: 'container-handler',
  name: 'docker',
  apiVersion: PLUGIN_API_VERSION,
  description: 'Names, labels, images and states of Docker containers.',
  configSchema: engineOptions('unix:///var/run/docker.sock'),
  create: (context, options) => new EngineHandler({ namespace: 'docker', paths: dockerPaths }, options, context),
});
