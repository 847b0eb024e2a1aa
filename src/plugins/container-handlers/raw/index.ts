import {
  type ContainerDescription,
  type ContainerHandler,
  definePlugin,
  glob,
  type Identification,
  PLUGIN_API_VERSION,
  z,
} from '../../../kernel/contracts/index.js';

const configSchema = z.strictObject({
  include: z
    .array(glob())
    .prefault([])
    .describe('Path globs of the cgroups to monitor, such as `/system.slice/**`. Empty: all. `/` is always monitored.'),
  exclude: z
    .array(glob())
    .prefault([])
    .describe('Path globs of cgroups that are not monitored, even when `include` names them. `/` cannot be excluded.'),
});

const CGROUP: ContainerDescription = {
  aliases: [],
  labels: {},
  envs: {},
  networkMode: 'none',
  state: { status: 'running' },
};
/** The machine as a whole: its network counters are the host's. */
const MACHINE: ContainerDescription = { ...CGROUP, networkMode: 'host' };

/** Takes every cgroup that no handler before it wanted. */
export default definePlugin({
  kind: 'container-handler',
  name: 'raw',
  apiVersion: PLUGIN_API_VERSION,
  description: 'Monitors plain cgroups: the machine itself, systemd units, anything no container runtime claims.',
  configSchema,
  create: (_context, { include, exclude }): ContainerHandler => ({
    identify(path): Identification {
      if (path === '/') return { verdict: 'accept', description: MACHINE };
      if (exclude.some((pattern) => pattern.test(path))) return { verdict: 'ignore', reason: 'matches `exclude`' };
      // Passing, not ignoring: a second instance may include it.
      if (include.length > 0 && !include.some((pattern) => pattern.test(path))) return { verdict: 'pass' };
      return { verdict: 'accept', description: CGROUP };
    },
  }),
});
