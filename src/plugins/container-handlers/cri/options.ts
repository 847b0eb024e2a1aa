import { isAbsolute } from 'node:path';
import { glob, z } from '../../../kernel/contracts/index.js';
import { connectionOptions, publishingOptions } from '../common/index.js';

/** Sockets of the runtimes that are made for Kubernetes first: who runs them uses them. */
export const WELL_KNOWN = [
  '/run/crio/crio.sock',
  '/run/cri-dockerd.sock',
  '/run/k3s/containerd/containerd.sock',
  '/run/k0s/containerd.sock',
  '/run/containerd/containerd.sock',
].map((path) => `unix://${path}`);

/** `unix:///path` → `/path` */
const socket = z.string().transform((input, context): string => {
  const path = input.replace(/^unix:\/\//, '');
  if (isAbsolute(path) && path.length > 1) return path;
  context.addIssue({
    code: 'custom',
    message: `expected a socket such as ${WELL_KNOWN[0]}, found ${JSON.stringify(input)}`,
  });
  return z.NEVER;
});

export const criOptions = z.strictObject({
  endpoint: z
    .union([socket, z.array(socket).min(1)])
    .transform((value): readonly string[] => (Array.isArray(value) ? value : [value as string]))
    .prefault(WELL_KNOWN)
    .describe('Socket of the runtime as `unix:///path`. Of a list the first one is used that answers.'),
  ...connectionOptions,
  ...publishingOptions,
  annotationAllow: z
    .array(glob())
    .prefault([])
    .describe('Annotations to publish as labels `annotation.<name>` (globs over their names). Nothing by default.'),
});

export type CriOptions = z.output<typeof criOptions>;
