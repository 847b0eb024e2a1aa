const {
  CollectionError,
  configuredTargets,
  definePlugin,
  duration,
  endpointOf,
  targetShape,
  z,
} = require('tallyman/plugin');
const { metricsOf } = require('./info.cjs');
const { readPassword } = require('./password.cjs');
const { ask } = require('./protocol.cjs');

const target = z
  .strictObject({
    ...targetShape(),
    username: z.string().min(1).optional().describe('User of the ACL. Without it the default user.'),
    passwordFile: z
      .string()
      .regex(/^\//, { error: 'expected an absolute path' })
      .optional()
      .describe('File on the host that holds the password and that only its owner or group may read.'),
    passwordEnv: z.string().min(1).optional().describe('Environment variable of the agent that holds the password.'),
  })
  .refine(({ port, socket }) => port === undefined || socket === undefined, {
    path: ['port'],
    error: 'expected port or socket, not both',
  })
  .refine(({ passwordFile, passwordEnv }) => passwordFile === undefined || passwordEnv === undefined, {
    path: ['passwordEnv'],
    error: 'expected passwordFile or passwordEnv, not both',
  })
  .refine(({ username, passwordFile, passwordEnv }) => username === undefined || (passwordFile ?? passwordEnv), {
    path: ['username'],
    error: 'a user needs passwordFile or passwordEnv',
  });

const configSchema = z.strictObject({
  interval: duration().prefault('10s').describe('Time between two collections, where the target does not say another.'),
  targets: z
    .array(target)
    .prefault([])
    .describe('Containers, systemd units and cgroups to collect from; without `port` and `socket` on port 6379.'),
});

module.exports = definePlugin({
  kind: 'app-metrics',
  name: 'redis-info',
  apiVersion: 1,
  version: '1.0.0',
  description: 'Memory, clients, commands, keys and replication of Redis and Valkey, from INFO.',
  configSchema,
  create: (_context, { interval, targets }) => ({
    targets: (container) => configuredTargets(container, targets, interval),
    /** @param {import('tallyman/plugin').ConfiguredTarget} configured */
    async collect({ index }, access) {
      const { username, passwordFile, passwordEnv, ...entry } = targets[index];
      const password = await readPassword({ passwordFile, passwordEnv });
      const endpoint = endpointOf(
        entry.port === undefined && entry.socket === undefined ? { ...entry, port: 6379 } : entry,
      );
      const login = password === undefined ? [] : [['AUTH', ...(username === undefined ? [] : [username]), password]];
      const stream = await access.connect(endpoint);
      const replies = await ask(stream, [...login, ['INFO']]);
      const problems = login.length === 0 ? [] : problemsOfLogin(replies[0], passwordFile ?? `$${passwordEnv}`);
      const metrics = metricsOf(infoOf(replies[replies.length - 1]));
      return { ...metrics, problems: [...problems, ...metrics.problems] };
    },
  }),
});

/**
 * Redis repeats the words of a command in some errors: of the answer to AUTH only its code is shown.
 * @param {import('./protocol.cjs').Reply} reply
 * @param {string} place where the password is from
 * @returns {string[]}
 */
function problemsOfLogin(reply, place) {
  if (!('error' in reply)) return [];
  const [code] = reply.error.split(' ', 1);
  if (/^ERR (AUTH <password> called|Client sent AUTH)/.test(reply.error)) {
    return [`Redis takes no password, and ${place} has one: set requirepass, or remove it here`];
  }
  throw new CollectionError(`Redis refuses the password in ${place} (${code.slice(0, 20)})`);
}

/**
 * @param {import('./protocol.cjs').Reply} reply
 * @returns {string}
 */
function infoOf(reply) {
  if (!('error' in reply)) return reply.text;
  if (reply.error.startsWith('NOAUTH')) {
    throw new CollectionError('Redis wants a password: write passwordFile or passwordEnv into its entry of the config');
  }
  throw new CollectionError(`Redis does not answer INFO: ${reply.error}`);
}
