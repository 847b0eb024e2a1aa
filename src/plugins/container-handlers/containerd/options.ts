import { glob, z } from '../../../kernel/contracts/index.js';
import { connectionOptions, publishingOptions, unixEndpoint } from '../common/index.js';

export const DEFAULT_SOCKET = '/run/containerd/containerd.sock';

export const containerdOptions = z.strictObject({
  endpoint: unixEndpoint()
    .prefault(`unix://${DEFAULT_SOCKET}`)
    .describe('Address of containerd: `unix:///path`. That of the default need not be there.'),
  namespaces: z
    .array(glob())
    .prefault([])
    .describe(
      'Namespaces whose containers are named (globs); an empty list names those of all. `moby` is left to the plugin `docker` and `k8s.io` to the plugin `cri` while those run.',
    ),
  ...connectionOptions,
  ...publishingOptions,
});

export type ContainerdOptions = z.output<typeof containerdOptions>;
