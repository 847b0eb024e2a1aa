// The fields of a metric source that the agent does not know are in every answer: the REST API, the pages, /metrics.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { containerInfo } from '../../src/api-versions/v1.0/schema/index.js';
import { flatSampleSchema } from '../../src/api-versions/v2.0/schema.js';
import { containerInfoV21, machineStats } from '../../src/api-versions/v2.1/schema.js';
import { createClient } from '../../src/client/index.js';
import { AgentProcess } from '../support/agent-process.js';
import { needs } from '../support/needs.js';
import { RealCgroup } from '../support/real-cgroup.js';

/** Above 2^53: no double holds it. */
const EXACT = '9007199254740993';
const SOURCE = `
const field = (name, unit, kind, dimensions) =>
  ({ name, unit, kind, help: 'For a test.', source: { any: 'made up' }, ...(dimensions && { dimensions }) });
const depth = field('queue.depth', 'count', 'gauge', ['queue', 'priority']);
const handled = field('queue.handled', 'bytes', 'counter');
const share = field('queue.share', 'percent', 'gauge');
const never = field('queue.never', 'count', 'gauge');
// Their first words are those of parts that every version knows.
const sockets = field('memory.sockets', 'bytes', 'gauge');
const flows = field('network.flows', 'count', 'gauge', ['state']);
const errors = field('filesystem.errors', 'count', 'counter', ['device']);
const columns = [
  { field: depth, labels: ['mail <b>', 'low'] },
  { field: never },
  { field: handled },
  { field: depth, labels: ['print', 'high'] },
  { field: share },
  { field: sockets },
  { field: flows, labels: ['open'] },
  { field: errors, labels: ['/dev/made-up'] },
];
const probe = () => ({
  columns,
  sample(row) {
    row.set(0, 3);
    row.setExact(2, 9007199254740992, 1);
    row.set(3, 0);
    row.set(4, 12.5);
    row.set(5, 4096);
    row.set(6, 7);
    row.set(7, 2);
    return 'ok';
  },
  close() {},
});
export default {
  $tallyman: 'plugin', kind: 'metric-source', name: 'queues', apiVersion: 1, description: 'Made-up queues.',
  configSchema: { safeParse: (data) => ({ success: true, data }) },
  create: () => ({ fields: [depth, handled, share, never, sockets, flows, errors], part: 'other', attach: probe }),
};
`;

const FIELDS = {
  'queue.depth': [
    { labels: { queue: 'mail <b>', priority: 'low' }, value: 3 },
    { labels: { queue: 'print', priority: 'high' }, value: 0 },
  ],
  'queue.handled': Number(EXACT),
  'queue.share': 12.5,
  'memory.sockets': 4096,
  'network.flows': [{ labels: { state: 'open' }, value: 7 }],
  'filesystem.errors': [{ labels: { device: '/dev/made-up' }, value: 2 }],
};

const NAME = `/tallyman-test-${process.pid}-fields`;

describe('fields of a third-party metric source', { skip: needs('cgroups') }, () => {
  const cgroup = new RealCgroup(NAME).create();
  const directory = mkdtempSync(join(tmpdir(), 'tallyman-test-fields-'));
  let agent: AgentProcess;
  before(async () => {
    const file = join(directory, 'queues.mjs');
    writeFileSync(file, SOURCE, { mode: 0o644 });
    agent = await AgentProcess.start(`
plugins:
  - { use: docker, enabled: false }
  - { use: podman, enabled: false }
  - { use: raw, with: { include: [/, ${NAME}] } }
  - { use: ${file}, onError: fail }
`);
    await agent.until(`/api/v2.0/stats${NAME}`, (answer: Record<string, unknown[]>) => answer[NAME]!.length > 0, NAME);
  });
  after(async () => {
    await agent?.stop();
    await cgroup.remove();
    rmSync(directory, { recursive: true });
  });

  const text = async (path: string) => (await fetch(`${agent.url}${path}`)).text();
  const newest = <T>(samples: readonly T[] | undefined): T => samples!.at(-1)!;

  it('are in v1.3 under `fields`', async () => {
    const info = containerInfo.parse(JSON.parse(await text(`/api/v1.3/containers${NAME}`)));
    assert.deepEqual(newest(info.stats).fields, FIELDS);
    assert.ok(
      (await text(`/api/v1.3/containers${NAME}`)).includes(`"queue.handled":${EXACT}`),
      'exact to the last digit',
    );
  });

  it('are in v2.0', async () => {
    const answer = await text(`/api/v2.0/stats${NAME}`);
    const sample = flatSampleSchema.parse(newest(Object.values(JSON.parse(answer) as Record<string, unknown[]>)[0]));
    assert.deepEqual(sample.fields, FIELDS);
    assert.ok(answer.includes(`"queue.handled":${EXACT}`));
  });

  it('are in v2.1, for containers and for the machine', async () => {
    const answer = await text(`/api/v2.1/stats${NAME}`);
    const info = containerInfoV21.parse(Object.values(JSON.parse(answer) as Record<string, unknown>)[0]);
    assert.deepEqual(newest(info.stats).fields, FIELDS);
    assert.ok(answer.includes(`"queue.handled":${EXACT}`));
    const samples = JSON.parse(await text('/api/v2.1/machinestats')) as unknown[];
    assert.deepEqual(machineStats.parse(newest(samples)).fields, FIELDS);
  });

  it('add no interface or filesystem', async () => {
    const { stats } = containerInfo.parse(JSON.parse(await text(`/api/v1.3/containers${NAME}`)));
    const { network, filesystem } = newest(stats);
    assert.ok(!network?.interfaces?.some(({ name }) => name === 'open' || name === ''));
    assert.ok(!filesystem?.some(({ device }) => device === '/dev/made-up'));
    const page = await text(`/containers${NAME}`);
    for (const id of ['interfaces', 'filesystems']) {
      const section = new RegExp(`<section id="${id}".*?</section>`, 's').exec(page)?.[0] ?? '';
      assert.doesNotMatch(section, /<th scope="row">(open|\/dev\/made-up|–)<\/th>/, id);
    }
  });

  it('are typed in the client', async () => {
    const { v13, v20, v21 } = createClient(agent.url);
    const depth = async (samples: readonly { fields?: Record<string, unknown> | undefined }[] | undefined) =>
      assert.deepEqual(newest(samples).fields?.['queue.depth'], FIELDS['queue.depth']);
    await depth((await v13.container(NAME)).stats);
    await depth((await v20.stats(NAME))[NAME]);
    await depth((await v21.stats(NAME))[NAME]?.stats);
    const value: number | readonly { labels: Record<string, string>; value: number }[] | undefined = newest(
      (await v20.stats(NAME))[NAME],
    ).fields?.['queue.share'];
    assert.equal(value, 12.5);
  });

  it('are on the page of the container, with labels, unit and help', async () => {
    const page = await text(`/containers${NAME}`);
    const section = /<section id="fields".*?<\/section>/s.exec(page)?.[0] ?? '';
    const rows = section.match(/<tr><th scope="row".*?<\/tr>/gs) ?? [];
    assert.equal(rows.length, 7, section);
    assert.match(
      rows[0]!,
      /title="For a test\.">queue\.depth<.*<code>queue=mail &lt;b&gt;<\/code>.*priority=low.*>3</s,
    );
    assert.ok(section.includes(`>${EXACT} bytes<`), section);
    assert.ok(section.includes('>12.5 percent<'), section);
    assert.ok(!section.includes('queue.never'));
  });

  it('are in /metrics', async () => {
    const metrics = await text('/metrics');
    assert.match(metrics, /^container_queue_depth\{[^}]*id="\/"[^}]*priority="low",queue="mail <b>"\} 3 \d+$/m);
    assert.match(metrics, new RegExp(`^container_queue_handled_bytes_total\\{[^}]*id="/"[^}]*\\} ${EXACT} \\d+$`, 'm'));
    assert.match(metrics, /^# TYPE container_queue_handled_bytes_total counter$/m);
  });

  it('are in the description of the API', async () => {
    const document = JSON.parse(await text('/api/openapi.json')) as {
      components: { schemas: Record<string, { properties: Record<string, unknown> }> };
    };
    for (const id of ['ContainerStats', 'ContainerStatsV2', 'ContainerStatsV21', 'MachineStats'])
      assert.ok(document.components.schemas[id]!.properties.fields !== undefined, id);
  });
});
