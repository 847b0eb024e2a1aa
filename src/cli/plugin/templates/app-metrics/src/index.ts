import {
  type AppContainer,
  type AppMetricSpec,
  type AppTarget,
  type CollectedMetrics,
  type CollectionAccess,
  CollectionError,
  definePlugin,
  duration,
  z,
} from 'tallyman/plugin';

/** The label by which a container says on which port it answers. */
const PORT_LABEL = 'template-name.port';

const METRIC: AppMetricSpec = { name: 'template_name_value', type: 'gauge', format: 'float', units: '' };

/** What there is to collect from a container: plain data. */
interface Target extends AppTarget {
  readonly port: string;
}

function targetsIn({ labels }: AppContainer, interval: number): readonly Target[] {
  const port = labels[PORT_LABEL];
  return port === undefined ? [] : [{ name: 'template-name', interval, port }];
}

/** Asks the container for a JSON object and takes the numbers out of it. */
async function collect({ port }: Target, access: CollectionAccess, path: string): Promise<CollectedMetrics> {
  // Anybody who starts a container writes labels: nothing that they say is to be trusted.
  if (!/^\d{1,5}$/.test(port)) throw new CollectionError(`label ${PORT_LABEL} is no port: ${JSON.stringify(port)}`);
  const { body } = await access.fetch({ port: Number(port), path });
  const samples = numbersIn(body.toString('utf8')).map(([key, value]) => ({
    name: METRIC.name,
    labels: { key },
    value,
  }));
  return { specs: [METRIC], samples };
}

function numbersIn(text: string): [string, number][] {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    throw new CollectionError('the answer is not JSON');
  }
  if (typeof document !== 'object' || document === null) throw new CollectionError('the answer is no JSON object');
  return Object.entries(document).filter((entry): entry is [string, number] => typeof entry[1] === 'number');
}

export default definePlugin({
  kind: 'app-metrics',
  name: 'template-name',
  apiVersion: 1,
  version: '0.1.0',
  description: 'Numbers out of the JSON objects that applications serve.',
  configSchema: z.strictObject({
    path: z.string().startsWith('/').default('/status').describe('Path of the JSON object.'),
    interval: duration().prefault('10s').describe('Time between two collections.'),
  }),
  create: (_context, { path, interval }) => ({
    targets: (container) => targetsIn(container, interval),
    collect: (target: Target, access) => collect(target, access, path),
  }),
});
