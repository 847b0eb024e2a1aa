import { CollectionError, configuredTargets, definePlugin, requestOf } from 'tallyman/plugin';
import { extract } from './extract.js';
import { configSchema } from './mapping.js';

export default definePlugin({
  kind: 'app-metrics',
  name: 'json-endpoint',
  apiVersion: 1,
  version: '1.0.0',
  description: 'Numbers out of JSON documents that applications serve, by paths such as queues[*].depth.',
  configSchema,
  create(_context, { interval, targets }) {
    /** What each target gives, as the spec lists it. */
    const specs = targets.map(({ metrics }) =>
      metrics.map(({ name, type, units, help }) => ({
        name,
        type,
        units,
        help,
        format: /** @type {const} */ ('float'),
      })),
    );
    return {
      targets: (container) => configuredTargets(container, targets, interval),
      /** @param {import('tallyman/plugin').ConfiguredTarget} target */
      async collect({ index }, access) {
        const entry = targets[index];
        const headers = { accept: 'application/json', ...entry.headers };
        const { body } = await access.fetch(requestOf({ ...entry, headers }));
        return { specs: specs[index], ...extract(parse(body), entry.metrics, access.limits.series) };
      },
    };
  },
});

/**
 * @param {Buffer} body
 * @returns {unknown}
 */
function parse(body) {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch (error) {
    // Newer versions of Node say the line as well, which the test cases do not expect.
    const reason = /** @type {Error} */ (error).message.replace(/ \(line \d+ column \d+\)$/, '');
    throw new CollectionError(`the answer is not JSON: ${reason}`, { cause: error });
  }
}
