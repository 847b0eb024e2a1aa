import {
  type AgentView,
  type ContainerView,
  definePlugin,
  duration,
  type SampleCursor,
  type Sink,
  TallymanError,
  z,
} from 'tallyman/plugin';

/** Time that a request may take at most, ms. */
const TIME_LIMIT = 5_000;

/** The latest sample of a container as one line of JSON; undefined when it has none. */
function lineOf(container: ContainerView): string | undefined {
  const window = container.samples({ count: 1 });
  if (window.length === 0) return undefined;
  const { layout, values, base, time } = window.at(0, {} as SampleCursor);
  const fields: Record<string, number> = {};
  for (const [index, { field, labels = [] }] of layout.columns.entries()) {
    const value = values[base + index];
    // NaN says that there is no number right now.
    if (value !== undefined && !Number.isNaN(value)) fields[[field.name, ...labels].join('.')] = value;
  }
  return JSON.stringify({ time: new Date(time / 1000).toISOString(), container: container.name, ...fields });
}

/** @throws TallymanError when the lines were not taken: the agent counts it, logs it once, and pushes again */
async function send(agent: AgentView, url: string, signal: AbortSignal): Promise<void> {
  const lines = agent.containers().flatMap((container) => lineOf(container) ?? []);
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/x-ndjson' },
    body: lines.map((line) => `${line}\n`).join(''),
    signal: AbortSignal.any([signal, AbortSignal.timeout(TIME_LIMIT)]),
  });
  // An answer that nobody reads keeps its connection.
  await answer.arrayBuffer();
  if (!answer.ok) throw new TallymanError(`${url} answers ${answer.status}`);
}

export default definePlugin({
  kind: 'sink',
  name: 'template-name',
  apiVersion: 1,
  version: '0.1.0',
  description: 'Sends the latest samples as lines of JSON over HTTP.',
  configSchema: z.strictObject({
    url: z.url({ protocol: /^https?$/ }).describe('Where the lines are taken by POST.'),
    interval: duration().prefault('10s').describe('Time between two deliveries.'),
  }),
  create: ({ agent }, { url, interval }): Sink => ({
    interval,
    push: (signal) => send(agent, url, signal),
  }),
});
