import { definePlugin, PLUGIN_API_VERSION } from '../../../kernel/contracts/index.js';
import { EngineHandler, engineOptions, podmanPaths } from '../docker/index.js';

export default definePlugin({
  kind: 'container-handler',
  name: 'podman',
  apiVersion: PLUGIN_API_VERSION,
  description: 'Names, labels, images and states of Podman containers, through its Docker-compatible socket.',
  configSchema: engineOptions('unix:///run/podman/podman.sock'),
  create: (context, options) => new EngineHandler({ namespace: 'podman', paths: podmanPaths }, options, context),
});
