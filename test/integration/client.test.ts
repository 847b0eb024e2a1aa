// The published client, against recorded containers behind the real server.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import { ApiError, createClient, type Event, type TallymanClient } from '../../src/client/index.js';
import { containerFromInfo, fakeAgent } from '../conformance/world/fake-agent.js';
import { golden, goldenObject } from '../conformance/world/golden.js';
import { MACHINE, storageFor } from '../conformance/world/recorded-agent.js';
import { keptEvents } from '../conformance/world/recorded-events.js';
import type { JsonObject } from '../conformance/world/recorded-samples.js';
import { type Served, serveAgent } from '../conformance/world/served.js';
import { projectRoot } from '../project.js';

const events = keptEvents();
let served: Served;
let client: TallymanClient;

before(async () => {
  const docker = Object.values(goldenObject('v1.2-docker-all.json')).map((info) =>
    containerFromInfo(info as JsonObject),
  );
  const raw = (golden('v1.1-subcontainers-graw.json') as JsonObject[]).map(containerFromInfo);
  const storage = storageFor(golden('v2.0-storage.json') as JsonObject[]);
  const web = containerFromInfo(goldenObject('v1.3-containers-web.json'));
  const containers = [...storage.containers!, ...docker.filter(({ name }) => name !== web.name), web, ...raw];
  const agent = fakeAgent({ ...storage, machine: MACHINE, containers, events });
  served = await serveAgent(agent, { prefix: '/pre' });
  client = createClient(`${served.url}/pre/`);
});
after(async () => {
  await served.server.stop(1000);
  assert.deepEqual(served.faults, []);
});

it('the client reads containers with samples from v1.3', async () => {
  const { v13 } = client;
  assert.equal((await v13.machine()).num_cores, MACHINE.num_cores);
  const graw = await v13.container('/graw', { count: 1 });
  assert.equal(graw.stats?.length, 1);
  assert.equal((await v13.container('/graw', { count: 0 })).stats, undefined);
  const future = { start: new Date('2099-01-01') };
  assert.equal((await v13.container('graw', future)).stats, undefined);
  assert.deepEqual(
    (await v13.subcontainers('/graw')).map(({ name }) => name),
    ['/graw', '/graw/child'],
  );
  assert.equal((await v13.dockerContainer('web')).aliases?.[0], 'web');
  assert.ok(Object.keys(await v13.dockerContainers({ count: 0 })).length > 1);
});

it('the client reads samples, summaries, processes and file systems from v2', async () => {
  const { v20, v21 } = client;
  assert.equal(await v20.version(), 'v0.36.0');
  assert.equal((await v20.attributes()).kernel_version, '6.18.44');
  assert.deepEqual(await v21.machine(), await v20.machine());
  const web = Object.values(await v20.stats('web', { type: 'docker', count: 2 }))[0]!;
  assert.equal(web.length, 2);
  assert.ok(web[1]!.cpu_inst!.usage.total >= 0);
  const sparse = await v21.stats('/graw', { recursive: true, count: 1 });
  assert.deepEqual(Object.keys(sparse), ['/graw', '/graw/child']);
  assert.ok(sparse['/graw']!.stats![0]!.memory!.usage > 0);
  assert.equal((await v20.spec('/graw'))['/graw']!.has_memory, true);
  assert.deepEqual(await v20.appMetrics('/graw'), { '/graw': {} });
  assert.deepEqual(await v20.processes('/graw'), []);
  assert.equal((await v20.filesystems('root'))[0]!.mountpoint, '/');
  assert.deepEqual(await v21.machineStats({ count: 0 }), []);
  assert.equal((await v21.machineStats({ maxAge: '1h' })).length, 1);
});

it('the client throws the error text of the agent', async () => {
  const { v20 } = client;
  await assert.rejects(v20.stats('/nope'), (error) => {
    assert.ok(error instanceof ApiError);
    assert.deepEqual([error.status, error.message], [404, 'unknown container "/nope"']);
    return true;
  });
  await assert.rejects(v20.stats('/graw', { count: -5 }), { status: 400 });
  await assert.rejects(v20.filesystem('nope'), { status: 404 });
  await assert.rejects(v20.version({ signal: AbortSignal.abort(new Error('given up')) }), /given up/);
});

it('the client accepts headers and fetch', async () => {
  const asked: string[] = [];
  const own: typeof fetch = async (input, init) => {
    asked.push(`${String(input)} ${new Headers(init?.headers).get('authorization')}`);
    return fetch(input, init);
  };
  const { v20 } = createClient(`${served.url}/pre`, { fetch: own, headers: { authorization: 'Bearer x' } });
  await assert.rejects(v20.spec('/a b/c%'), /unknown container "\/a b\/c%"/);
  assert.deepEqual(asked, [`${served.url}/pre/api/v2.0/spec/a%20b/c%25 Bearer x`]);
});

it('the client reads past events as a list and new ones as a stream', async () => {
  const oom = (pid: number) =>
    ({ containerName: '/graw', time: pid * 1e6, type: 'oomKill', oom: { pid, processName: 'x' } }) as const;
  for (const version of [client.v13, client.v20, client.v21]) {
    const stream = await version.events.stream({ container: '/graw', types: ['oomKill'] });
    events.add({ containerName: '/graw', time: 1, type: 'containerDeletion', exitCode: 3 });
    for (const pid of [1, 2]) events.add(oom(pid));
    const got: Event[] = [];
    for await (const event of stream) {
      got.push(event);
      if (got.length === 2) break;
    }
    assert.deepEqual(
      got.map(({ event_data }) => event_data.oom?.pid),
      [1, 2],
    );
  }
  const since = { start: new Date(2000), types: ['oomKill'] as const };
  assert.equal((await client.v20.events.list(since)).length, 3);
  assert.equal((await client.v20.events.list({ ...since, max: 1, below: false })).length, 0);
  const [deleted] = await client.v13.events.list({ types: ['containerDeletion'], max: 1 });
  assert.equal(deleted!.event_data.container_deletion?.exit_code, 3);
});

const built = existsSync(join(projectRoot, 'dist/client/index.js'));

it('the example of the documentation runs', { skip: !built && 'needs npm run build' }, async () => {
  const example = join(projectRoot, 'docs/examples/busiest.mjs');
  const child = spawn(process.execPath, [example, `${served.url}/pre`], { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  try {
    while (!said.includes('waiting for OOM kills')) said += String((await once(child.stdout, 'data'))[0]);
    events.add({ containerName: '/graw', time: 1e15, type: 'oomKill', oom: { pid: 7, processName: 'greedy' } });
    while (!said.includes('greedy')) said += String((await once(child.stdout, 'data'))[0]);
  } finally {
    child.kill();
  }
  assert.match(said, /^\d+\.\d{3} CPUs {2}\/docker\/[0-9a-f]+$/m);
  assert.match(said, /\/graw: greedy \(7\)/);
});
