import {
  type ContainerDescription,
  type ContainerHandler,
  definePlugin,
  glob,
  type Identification,
  PLUGIN_API_VERSION,
  z,
} from '../../../kernel/contracts/index.js';

const prefix = z.string().regex(/^\//, { error: 'expected the beginning of a cgroup path, such as /system.slice' });

const configSchema = z.strictObject({
  include: z
    .array(glob())
    .prefault([])
    .describe(
      'Path globs of the cgroups to monitor, such as `/system.slice/**`. Empty, and `prefixes` too: all. `/` is always monitored.',
    ),
  exclude: z
    .array(glob())
    .prefault([])
    .describe(
      'Path globs of cgroups that are not monitored, even when `include` or `prefixes` names them. `/` cannot be excluded.',
    ),
  prefixes: z
    .array(prefix)
    .prefault([])
    .describe('Beginnings of the paths of the cgroups to monitor, besides those that `include` names.'),
  prefixMatch: z
    .enum(['boundary', 'plain'])
    .default('boundary')
    .describe(
      'What a prefix stands for. `boundary`: that cgroup and all below it. `plain`: every path that begins with the text, as in cAdvisor: `/app` takes `/app-old` too.',
    ),
  dockerOnly: z
    .boolean()
    .default(false)
    .describe(
      'Monitor no plain cgroup but `/` and those that `include` or `prefixes` names; containers of runtimes are not affected.',
    ),
});

type RawOptions = z.output<typeof configSchema>;

const CGROUP: ContainerDescription = {
  aliases: [],
  labels: {},
  envs: {},
  networkMode: 'none',
  state: { status: 'running' },
};
/** The machine as a whole: its network counters are the host's. */
const MACHINE: ContainerDescription = { ...CGROUP, networkMode: 'host' };

/** Whether the path is among the cgroups that the user wants monitored, exclusions aside. */
function isWanted(path: string, { include, prefixes, prefixMatch, dockerOnly }: RawOptions): boolean {
  if (include.length === 0 && prefixes.length === 0) return !dockerOnly;
  return include.some((pattern) => pattern.test(path)) || prefixes.some((text) => beginsWith(path, text, prefixMatch));
}

function beginsWith(path: string, text: string, match: RawOptions['prefixMatch']): boolean {
  if (!path.startsWith(text)) return false;
  return match === 'plain' || path.length === text.length || text.endsWith('/') || path[text.length] === '/';
}

/** Takes every cgroup that no other handler wanted. */
export default definePlugin({
  kind: 'container-handler',
  name: 'raw',
  apiVersion: PLUGIN_API_VERSION,
  description: 'Monitors plain cgroups: the machine itself, systemd units, anything no container runtime claims.',
  configSchema,
  create: (_context, options): ContainerHandler => ({
    fallback: true,
    identify(path): Identification {
      if (path === '/') return { verdict: 'accept', description: MACHINE };
      if (options.exclude.some((pattern) => pattern.test(path)))
        return { verdict: 'ignore', reason: 'matches `exclude`' };
      // Passing, not ignoring: a second instance may include it.
      if (!isWanted(path, options)) return { verdict: 'pass' };
      return { verdict: 'accept', description: CGROUP };
    },
  }),
});
