import { definePlugin, PLUGIN_API_VERSION } from '../../../kernel/contracts/index.js';
import { dockerHandler, engineOptions, podmanPaths } from '../docker/index.js';

const kind = { namespace: 'podman', paths: podmanPaths, defaultEndpoint: 'unix:///run/podman/podman.sock' };

export default definePlugin({
  kind: 'container-handler',
  name: 'podman',
  apiVersion: PLUGIN_API_VERSION,
  description: 'Names, labels, images and states of Podman containers, through its Docker-compatible socket.',
  configSchema: engineOptions(kind.defaultEndpoint),
  create: (context, options) => dockerHandler(kind, options, context),
});
