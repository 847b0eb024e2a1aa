import {
  CollectionError,
  configuredTargets,
  definePlugin,
  duration,
  hasOneEndpoint,
  httpTargetShape,
  ONE_ENDPOINT,
  requestOf,
  z,
} from 'tallyman/plugin';
import { labelTargets } from './labels.js';

/**
 * What the page says, in its order.
 * @type {readonly import('tallyman/plugin').AppMetricSpec[]}
 */
const METRICS = [
  gauge('nginx_connections_active', 'Connections of clients that are open, those that wait included.'),
  counter('nginx_connections_accepted', 'connections', 'Connections that were accepted.'),
  counter('nginx_connections_handled', 'connections', 'Connections that were handled: fewer when a limit was reached.'),
  counter('nginx_http_requests_total', 'requests', 'Requests of clients.'),
  gauge('nginx_connections_reading', 'Connections of which the head of a request is being read.'),
  gauge('nginx_connections_writing', 'Connections to which an answer is being written.'),
  gauge('nginx_connections_waiting', 'Idle connections that wait for the next request.'),
];

/** Tengine has a fourth column, the time of all requests. */
const PAGE =
  /^Active connections: +(\d+)\s+server accepts handled requests(?: request_time)?\s+(\d+) +(\d+) +(\d+)(?: +\d+)?\s+Reading: +(\d+) +Writing: +(\d+) +Waiting: +(\d+)\s*$/;
/** The page has about 100 bytes; what is longer is another page. */
const LONGEST_PAGE = 1024;

const configSchema = z.strictObject({
  labels: z
    .boolean()
    .default(true)
    .describe('Collect from containers with a label `tallyman.nginx.port`; `tallyman.nginx.path` names the page.'),
  interval: duration().prefault('10s').describe('Time between two collections, where the target does not say another.'),
  targets: z
    .array(z.strictObject(httpTargetShape('/stub_status')).refine(hasOneEndpoint, ONE_ENDPOINT))
    .prefault([])
    .describe('Containers, systemd units and cgroups to collect from, whatever their labels say.'),
});

export default definePlugin({
  kind: 'app-metrics',
  name: 'nginx-status',
  apiVersion: 1,
  version: '1.0.0',
  description: 'Connections and requests of nginx, from its stub_status page.',
  configSchema,
  create: (_context, { labels, interval, targets }) => ({
    targets: (container) => [
      ...(labels ? labelTargets(container, interval) : []),
      ...configuredTargets(container, targets, interval),
    ],
    /** @param {import('./labels.js').LabelTarget | import('tallyman/plugin').ConfiguredTarget} target */
    async collect(target, access) {
      if (target.kind === 'label' && target.error !== undefined) throw new CollectionError(target.error);
      const { body } = await access.fetch(target.kind === 'label' ? target.request : requestOf(targets[target.index]));
      return { specs: METRICS, samples: parsePage(body) };
    },
  }),
});

/**
 * Takes the numbers out of a page.
 * @param {Buffer} body
 */
function parsePage(body) {
  const numbers = body.length > LONGEST_PAGE ? null : PAGE.exec(body.toString('latin1'));
  if (numbers === null) {
    const begin = JSON.stringify(body.toString('utf8', 0, 60));
    throw new CollectionError(
      `the answer is not the page of stub_status, it begins with ${begin}: write "stub_status;" into that location of nginx.conf`,
    );
  }
  return METRICS.map(({ name }, i) => ({ name, value: BigInt(numbers[i + 1]) }));
}

/**
 * @param {string} name
 * @param {string} help
 * @returns {import('tallyman/plugin').AppMetricSpec}
 */
function gauge(name, help) {
  return { name, type: 'gauge', format: 'int', units: 'connections', help };
}

/**
 * @param {string} name
 * @param {string} units
 * @param {string} help
 * @returns {import('tallyman/plugin').AppMetricSpec}
 */
function counter(name, units, help) {
  return { name, type: 'cumulative', format: 'int', units, help };
}
