import { dockerPaths } from './cgroup-path.js';
import { enginePlugin } from './plugin.js';

export { podmanPaths } from './cgroup-path.js';
export { enginePlugin } from './plugin.js';

export default enginePlugin({
  name: 'docker',
  description: 'Names, labels, images and states of Docker containers.',
  paths: dockerPaths,
  defaultEndpoint: 'unix:///var/run/docker.sock',
});
