import { type ContainerHandler, definePlugin, glob, type Identification, z } from 'tallyman/plugin';

/** Who gives the names: `/api/v1.3/…` and `/metrics` show it beside them. */
const NAMESPACE = 'template-name';

/** `/system.slice/cron.service` is called `cron`. */
function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1).replace(/\.(service|scope|slice)$/, '');
}

function identify(path: string, cgroups: readonly RegExp[]): Identification {
  if (!cgroups.some((pattern) => pattern.test(path))) return { verdict: 'pass' };
  return {
    verdict: 'accept',
    description: {
      aliases: [nameOf(path)],
      namespace: NAMESPACE,
      labels: {},
      envs: {},
      networkMode: 'none',
      state: { status: 'running' },
    },
  };
}

export default definePlugin({
  kind: 'container-handler',
  name: 'template-name',
  apiVersion: 1,
  version: '0.1.0',
  description: 'Gives cgroups names of their own.',
  configSchema: z.strictObject({
    cgroups: z
      .array(glob())
      .prefault(['/system.slice/*.service'])
      .describe('Paths of the cgroups that get a name (globs).'),
  }),
  create: (_context, { cgroups }): ContainerHandler => ({
    identify: (path) => identify(path, cgroups),
  }),
});
