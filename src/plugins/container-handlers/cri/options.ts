import { glob, z } from '../../../kernel/contracts/index.js';
import { connectionOptions, oneOrMore, publishingOptions, unixEndpoint } from '../common/index.js';

/** Well-known sockets; those of runtimes made for Kubernetes come first. */
export const WELL_KNOWN = [
  '/run/crio/crio.sock',
  '/run/cri-dockerd.sock',
  '/run/k3s/containerd/containerd.sock',
  '/run/k0s/containerd.sock',
  '/run/containerd/containerd.sock',
].map((path) => `unix://${path}`);

export const criOptions = z.strictObject({
  endpoint: oneOrMore(unixEndpoint())
    .prefault(WELL_KNOWN)
    .describe('Socket of the runtime as `unix:///path`. Of a list the first one is used that answers.'),
  ...connectionOptions,
  ...publishingOptions,
  annotationAllow: z
    .array(glob())
    .prefault([])
    .describe('Annotations to publish as labels `annotation.<name>` (globs over their names). Nothing by default.'),
});

/** How pods and containers are asked about and published. */
export interface CriRules extends z.output<typeof criOptions> {
  readonly namespace: string;
}
