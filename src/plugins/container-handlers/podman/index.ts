import { enginePlugin, podmanPaths } from '../docker/index.js';

export default enginePlugin({
  name: 'podman',
  description: 'Names, labels, images and states of Podman containers, through its Docker-compatible socket.',
  paths: podmanPaths,
  defaultEndpoint: 'unix:///run/podman/podman.sock',
});
