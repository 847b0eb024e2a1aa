import assert from 'node:assert/strict';
import { after, it } from 'node:test';
import fc from 'fast-check';
import {
  containerFromInfo,
  type FakeAgentOptions,
  type FakeContainer,
  fakeAgent,
} from '../../../../test/conformance/world/fake-agent.js';
import { golden, goldenObject } from '../../../../test/conformance/world/golden.js';
import { keptEvents } from '../../../../test/conformance/world/recorded-events.js';
import type { JsonObject } from '../../../../test/conformance/world/recorded-samples.js';
import { column } from '../../../../test/conformance/world/samples.js';
import { pagesOf, type Served, send, serveAgent } from '../../../../test/conformance/world/served.js';
import type {
  EngineReport,
  Finding,
  PluginStatus,
  ProcessInfo,
  StoredCapsule,
} from '../../../kernel/contracts/index.js';
import { readingsOf } from './pages/readings.js';
import { type ApiSample, readingOf } from './shared/api-sample.js';

const servers: Served[] = [];
after(async () => {
  for (const { server } of servers) await server.stop(0);
});

async function serve(options: FakeAgentOptions, prefix = ''): Promise<(path: string) => ReturnType<typeof send>> {
  const agent = fakeAgent(options);
  const served = await serveAgent(agent, { prefix, endpoints: pagesOf(agent) });
  servers.push(served);
  return async (path) => {
    const answer = await send(served.url, path);
    assert.deepEqual(served.faults, []);
    return answer;
  };
}

const HAS_BOTH = { hasCpu: true, hasMemory: true } as const;
const busy = (name: string, cores: number, memory: number, more: Partial<FakeContainer> = {}): FakeContainer => ({
  name,
  limits: HAS_BOTH,
  samples: [0, 1].map((second) => ({
    time: 1_764_000_000_000_000 + second * 1_000_000,
    cells: [
      [column('cpu.usage.total'), second * cores * 1e9],
      [column('memory.working_set'), memory],
      [column('memory.usage'), memory + 1024],
    ],
  })),
  ...more,
});
const process = (pid: number, cgroup_path: string, cmd: string): ProcessInfo => ({
  user: 'root',
  pid,
  parent_pid: 1,
  start_time: '14:02',
  percent_cpu: pid,
  percent_mem: 0.5,
  rss: 2 ** 20,
  virtual_size: 2 ** 21,
  status: 'S',
  running_time: '00:00:01',
  cgroup_path,
  cmd,
  fd_count: 3,
  psr: 0,
});

/** The page's tags with the names of their attributes, and no text. */
const skeleton = (page: string): string =>
  page
    .replace(/="[^"]*"/g, '')
    .match(/<[^>]*>/g)!
    .join('')
    .replaceAll(/\s+/g, ' ');

/** A capsule whose texts are all the word. */
function capsule(word: string): StoredCapsule {
  const reasons = [{ kind: 'exit' as const, time: 1, text: 'its reason' }];
  return {
    id: word,
    container: `/${word}`,
    label: word,
    runtime: 'docker',
    createdAt: 1,
    reasons,
    agentVersion: '1',
    bytes: 40960,
  };
}

it('names, labels, images, commands, errors and findings are text, whatever they say', async () => {
  const world = (word: string): FakeAgentOptions => {
    const finding: Finding = { id: 'x', severity: 'error', what: word, effect: word, mend: word };
    const state = { status: 'exited', exitCode: 1 } as const;
    const description = { labels: { [word]: word, b: word }, image: word, imageId: word, id: 'id', addresses: [word] };
    return {
      containers: [
        busy('/', 1, 1, { children: [`/${word}`] }),
        busy(`/${word}`, 1, 1, { aliases: ['web', word], namespace: 'docker', description }),
      ],
      processes: [process(7, `/${word}`, word), process(8, word, word)],
      events: keptEvents([
        { containerName: `/${word}`, time: 1, type: 'oomKill', oom: { pid: 1, processName: word, constraint: word } },
      ]),
      findings: [finding, { ...finding, severity: 'info' }],
      plugins: [{ id: word, state: 'failed', up: false, lastError: word } as PluginStatus],
      pending: [{ name: `/${word}`, handler: word, reason: word, since: 0 }],
      engines: [{ runtime: 'docker', endpoint: word, reason: word }],
      capsules: [capsule(word)],
      departed: [
        {
          name: `/${word}`,
          description: { ...description, namespace: 'docker', aliases: [word], envs: {}, networkMode: 'none', state },
        },
      ],
    };
  };
  const pages = async (word: string): Promise<string[]> => {
    const get = await serve(world(word));
    const paths = ['/containers/', '/docker/web', '/docker/'];
    return Promise.all(paths.map((path) => get(path).then(({ body }) => skeleton(body))));
  };
  const plain = await pages('plain');
  const hostile = fc.oneof(
    fc.string({ unit: 'binary', minLength: 1 }).map((text) => text.replaceAll('/', '\\')),
    fc.constantFrom('<script>alert(1)<\\script>', '" onerror="x', "'><img src=x>", '<!--', ']]>', '\ud800'),
  );
  await fc.assert(
    fc.asyncProperty(hostile, async (word) => {
      // Two that are equal are one label.
      fc.pre(word !== 'b');
      assert.deepEqual(await pages(word), plain);
    }),
    { numRuns: 60 },
  );
});

it('environment variables are on no page', async () => {
  const secret = 'hunter2-secret';
  const description = { envs: { PASSWORD: secret } };
  const get = await serve({ containers: [busy('/a', 1, 1, { namespace: 'docker', aliases: ['web'], description })] });
  for (const path of ['/containers/a', '/docker/web', '/docker/']) {
    const { status, body } = await get(path);
    assert.equal(status, 200);
    assert.ok(!body.includes(secret), path);
  }
});

it('the page of a container: numbers, limits, tables, and links below the prefix', async () => {
  const limits = {
    ...HAS_BOTH,
    cpu: { limit: 512n, quota: 50_000n, period: 100_000n, mask: '0-1' },
    memory: { limit: 4n * 2n ** 20n },
  };
  const containers = [
    busy('/', 1, 1, { children: ['/a'] }),
    busy('/a', 0.25, 2 ** 20, { limits, children: ['/a/b c', '/a/gone'], description: { labels: { team: 'fruit' } } }),
    busy('/a/b c', 0.1, 2 ** 19),
  ];
  const get = await serve({ containers, processes: [process(7, '/a', 'sh'), process(8, '/other', 'no')] }, '/pre');
  const { status, headers, body } = await get('/pre/containers/a');
  assert.equal(status, 200);
  assert.equal(headers['content-type'], 'text/html; charset=utf-8');
  assert.match(
    headers['content-security-policy'] as string,
    /^default-src 'none'; script-src 'self'; style-src 'self';/,
  );
  assert.match(body, /<dd data-series="0" data-value="0.25">0.25 cores<\/dd>/);
  assert.match(body, /<dd data-series="0" data-value="1048576">1 MiB<\/dd>/);
  for (const text of [
    '0.5 cores (50000 µs in 100000 µs)',
    '1 MiB of 4 MiB (25 %)',
    'fruit',
    '<code class="command">sh</code>',
  ]) {
    assert.ok(body.includes(text), text);
  }
  assert.ok(!body.includes('>no</code>'), 'a process of another container');
  assert.ok(body.includes('<a href="/pre/containers/a/b%20c" title="/a/b c">/b c</a>'));
  assert.ok(body.includes('<th scope="row">/gone</th>'), 'a cgroup that nobody monitors has no page');
  assert.ok(body.includes('data-samples="/pre/api/v2.0/stats/a"'));
  for (const [, path] of body.matchAll(/(?:href|src)="([^"]+)"/g)) assert.match(path!, /^(\/pre\/|\?|#main)/);
  assert.doesNotMatch(body, / style="|<style|<script>|javascript:| on\w+="/);
});

it('what is broken is on every page, and nothing is there when nothing is', async () => {
  const findings: Finding[] = [{ id: 'x', severity: 'warning', what: 'a fault', effect: 'a loss', mend: 'mend it' }];
  const plugins = [
    { id: 'docker', state: 'retrying', up: false, lastError: 'no socket' } as PluginStatus,
    { id: 'cpu', state: 'running', up: true } as PluginStatus,
  ];
  const containers = [busy('/', 1, 1), busy('/a', 1, 1, { namespace: 'docker', aliases: ['web'] })];
  const broken = await serve({ containers, findings, plugins });
  const sound = await serve({ containers, plugins: plugins.slice(1) });
  for (const path of ['/containers/', '/containers/a', '/docker/', '/docker/web', '/podman/']) {
    const { body } = await broken(path);
    for (const text of ['a fault', 'a loss', '<pre>mend it</pre>', 'Plugin docker</strong> is retrying: no socket']) {
      assert.ok(body.includes(text), `${path}: ${text}`);
    }
    assert.ok(!(await sound(path)).body.includes('What is broken'), path);
  }
});

it('a mount that is gone is no row of dashes', async () => {
  const host: FakeContainer = {
    name: '/',
    samples: [
      {
        time: 1,
        cells: [
          [column('filesystem.capacity', ['/dev/there']), 2048],
          [column('filesystem.usage', ['/dev/there']), 1024],
          [column('filesystem.capacity', ['overlay_gone']), Number.NaN],
          [column('filesystem.usage', ['overlay_gone']), Number.NaN],
        ],
      },
    ],
  };
  const { body } = await (await serve({ containers: [host] }))('/containers/');
  assert.ok(body.includes('/dev/there'));
  assert.ok(!body.includes('overlay_gone'));
});

it('only containers that are there have a link', async () => {
  const events = keptEvents(
    ['/a', '/gone'].map((containerName) => ({ containerName, time: 1e15, type: 'containerDeletion' as const })),
  );
  const processes = [process(7, '/a', 'sh'), process(8, '/elsewhere', 'no')];
  const pending = [{ name: '/late', handler: 'docker', reason: 'unknown', since: 0 }];
  const get = await serve({ containers: [busy('/', 1, 1), busy('/a', 1, 1)], events, processes, pending });
  const { body } = await get('/containers/');
  for (const name of ['/gone', '/elsewhere', '/late']) {
    assert.ok(body.includes(name) && !body.includes(`/containers${name}`), name);
  }
  assert.equal(body.split('<a href="/containers/a">/a</a>').length, 3, 'an event and a process');
});

it('metrics of the application: exact values, labels and units, as text', async () => {
  const series = [
    { name: 'hits', labels: { path: '<b>' }, label: '', format: 'int' },
    { name: 'load', labels: {}, label: '', format: 'float' },
  ] as const;
  const values = Float64Array.of(2 ** 62, 0.5);
  const appMetrics = {
    specs: [{ name: 'hits', type: 'COUNTER', format: 'int', units: 'requests' }],
    at: () => [{ time: 1e15, series, values, residuals: Int16Array.of(-3, 0) }],
    history: () => [],
    targets: [],
  } as const;
  const get = await serve({ containers: [busy('/a', 1, 1, { appMetrics })] });
  const { body } = await get('/containers/a');
  assert.ok(body.includes('<code>path=&lt;b&gt;</code>') && body.includes('4611686018427387901 requests</td>'));
  assert.ok(body.includes('Application metrics <small>2</small>') && body.includes('>0.5 </td>'));
});

it('the list of a namespace: its containers, those that ended, its engines', async () => {
  const info = {
    version: '20.10',
    apiVersion: '1.41',
    containers: { total: 3, running: 1, paused: 0, stopped: 2 },
    storageDriver: 'overlay2',
    storageStatus: [{ name: 'Backing Filesystem', value: 'extfs' }],
    images: [{ id: 'sha256:1', tags: ['shop/web:1'], size: 2 ** 20, createdAt: 1e15 }],
  } as unknown as EngineReport['info'];
  const engines = [
    { runtime: 'docker', endpoint: 'unix:///d', info: info! },
    { runtime: 'podman', endpoint: 'unix:///p', reason: 'no such socket' },
  ];
  const departed = {
    aliases: ['job'],
    namespace: 'docker',
    labels: {},
    envs: {},
    networkMode: 'none' as const,
    state: { status: 'exited' as const, exitCode: 137, reason: 'OOMKilled', oomKilled: true, finishedAt: 2e15 },
  };
  const containers = [
    busy('/docker/1', 1, 1, { namespace: 'docker', aliases: ['web', '1'], description: { image: 'shop/web:1' } }),
  ];
  const get = await serve({
    containers,
    engines,
    departed: [{ name: '/docker/2', description: departed }],
    capsules: [capsule('20261127T001122Z-job-1')],
  });
  const docker = (await get('/docker/')).body;
  for (const text of [
    '<a href="/docker/web"',
    'exited, exit code 137, OOMKilled, killed for lack of memory',
    'its reason',
    '<a href="/api/capsules/20261127T001122Z-job-1" download>40 KiB</a>',
    'Docker 20.10',
    'extfs',
    'shop/web:1',
    '3: 1 running',
  ]) {
    assert.ok(docker.includes(text), text);
  }
  const podman = (await get('/podman/')).body;
  assert.ok(
    podman.includes('No container of podman runs') && podman.includes('unix:///p cannot be asked: no such socket'),
  );
  assert.ok(!podman.includes('shop/web') && !podman.includes('No container handler'));
  assert.ok(podman.includes('<a href="/docker/">Docker</a>') && !podman.includes('>Podman</a>'), 'only what is in use');
  assert.match((await (await serve({}))('/podman/')).body, /No container handler of that name runs/);
});

it('the list of a namespace puts containers of a compose project or pod together, with their sums, when sorted by name', async () => {
  const of = (name: string, labels: Record<string, string>) =>
    busy(`/docker/${name}`, 1, 2 ** 20, { namespace: 'docker', aliases: [name], description: { labels } });
  const project = (service: string) => ({
    'com.docker.compose.project': 'shop',
    'com.docker.compose.service': service,
  });
  const pod = { 'io.kubernetes.pod.name': 'web-0', 'io.kubernetes.pod.namespace': 'prod' };
  const containers = [of('a', project('db')), of('b', {}), of('c', pod), of('d', project('web'))];
  const get = await serve({ containers });
  const shown = (body: string) =>
    [...body.matchAll(/rowgroup">([^<]*) <small>([^<]*)|href="\/docker\/(\w)" title/g)].map(
      ([, group, about, name]) => name ?? `${group}: ${about}`,
    );
  assert.deepEqual(shown((await get('/docker/')).body), [
    'b',
    'prod/web-0: kubernetes, 1',
    'c',
    'shop: compose, 2',
    'a',
    'd',
  ]);
  assert.deepEqual(shown((await get('/docker/?sort=memory')).body), ['a', 'b', 'c', 'd']);
  assert.match((await get('/docker/a')).body, /<dt>Group<\/dt><dd>shop <small>compose/);
});

it('unknown and ambiguous names are refused as the recorded agent does', async () => {
  const get = await serve({ containers: [busy('/a', 1, 1, { namespace: 'docker', aliases: ['web-1', 'web-2'] })] });
  const { status, headers, body } = await get('/docker/web');
  assert.deepEqual([status, headers['content-type']], [404, 'text/plain; charset=utf-8']);
  assert.equal(
    body,
    'failed to get container "/web" with error: unable to find container. Container "web" is not unique\n',
  );
  assert.equal((await get('/containers/b/')).body, 'failed to get container "/b" with error: unknown container "/b"\n');
});

it('a browser gets a page that leads back for a name that is unknown', async () => {
  const agent = fakeAgent({ containers: [busy('/a', 1, 1)] });
  const served = await serveAgent(agent, { prefix: '/pre', endpoints: pagesOf(agent) });
  servers.push(served);
  for (const path of ['/pre/containers/b<i>', '/pre/docker/b<i>']) {
    const answer = await fetch(served.url + path, { headers: { accept: 'text/html,*/*;q=0.8' } });
    const body = await answer.text();
    assert.deepEqual([answer.status, answer.headers.get('content-type')], [404, 'text/html; charset=utf-8']);
    assert.ok(body.includes('<a href="/pre/containers/">All containers</a>'), body);
    assert.ok(/class="error">[^<]*b&lt;i&gt;|class="error">unable to find/.test(body) && !body.includes('b<i>'), body);
  }
});

it('of 5,000 subcontainers a page shows 200, says so, leads to the others, and others are answered meanwhile', async () => {
  const names = Array.from({ length: 5000 }, (_, index) => `/many/c${String(index).padStart(4, '0')}`);
  const containers = [
    busy('/many', 1, 1, { children: names }),
    ...names.map((name, index) => busy(name, index / 1000, index * 1024)),
  ];
  const agent = fakeAgent({ containers });
  const served = await serveAgent(agent, { endpoints: pagesOf(agent) });
  servers.push(served);
  const shown = (body: string): string[] => [...body.matchAll(/title="(\/many\/\w+)"/g)].map(([, name]) => name!);
  const page = send(served.url, '/containers/many');
  const order: string[] = [];
  await Promise.all([
    page.then(() => order.push('page')),
    send(served.url, '/healthz').then(() => order.push('healthz')),
  ]);
  assert.deepEqual(order, ['healthz', 'page']);
  const first = (await page).body;
  assert.deepEqual(shown(first), names.slice(0, 200));
  assert.ok(first.includes('1 to 200 of 5000') && first.includes('<a href="?sort=name&amp;page=2"'));
  const byMemory = (await send(served.url, '/containers/many?sort=memory&page=2')).body;
  assert.deepEqual(shown(byMemory), names.slice(-400, -200).reverse());
  assert.ok(byMemory.includes('aria-sort="descending"><a href="?sort=memory"'));
  for (const odd of ['?page=99', '?page=-1', '?page=x&sort=bogus', '?page=1e9']) {
    assert.equal(shown((await send(served.url, `/containers/many${odd}`)).body).length, 200, odd);
  }
});

it('the server reads samples as the browser reads the API', async () => {
  const infos = [
    ...(Object.values(goldenObject('v1.2-docker-all.json')) as JsonObject[]),
    ...(golden('v1.1-subcontainers-graw.json') as JsonObject[]),
  ];
  const containers = infos.map(containerFromInfo);
  const agent = fakeAgent({ containers });
  const served = await serveAgent(agent);
  servers.push(served);
  let compared = 0;
  for (const { name } of containers) {
    const { body } = await send(served.url, `/api/v2.0/stats${name}?count=121`);
    const samples = (JSON.parse(body) as Record<string, ApiSample[]>)[name]!;
    assert.deepEqual(samples.map(readingOf), readingsOf(agent.container(name)!), name);
    compared += samples.length;
  }
  assert.ok(compared > 10, 'there were samples');
});

it('assets: small, of the right type, revalidated, complete', async () => {
  const get = await serve({ containers: [busy('/', 1, 1)] });
  const { url } = servers.at(-1)!;
  const page = (await get('/containers/')).body;
  const queue = [...page.matchAll(/(?:href|src)="(\/static\/[^"]+)"/g)].map(([, path]) => path!);
  const loaded = new Map<string, number>();
  while (queue.length > 0) {
    const path = queue.pop()!;
    if (loaded.has(path)) continue;
    const { status, headers, body } = await get(path);
    assert.equal(status, 200, path);
    const type = { js: 'text/javascript; charset=utf-8', css: 'text/css; charset=utf-8', svg: 'image/svg+xml' };
    assert.equal(headers['content-type'], type[path.split('.').at(-1) as keyof typeof type]);
    const again = await send(url, path, 'GET', undefined, { 'If-None-Match': `"x", W/${headers.etag}` });
    assert.deepEqual([again.status, again.body, again.headers['content-length']], [304, '', undefined]);
    assert.equal((await send(url, path, 'GET', undefined, { 'If-None-Match': '"x"' })).status, 200);
    loaded.set(path, body.length);
    for (const [, specifier] of body.matchAll(/^(?:import|export) .*from '([^']+)';$/gm)) {
      queue.push(new URL(specifier!, `http://x${path}`).pathname);
    }
  }
  assert.ok(
    loaded.has('/static/browser/page.css') && loaded.has('/static/shared/charts.js'),
    [...loaded.keys()].join(),
  );
  assert.ok([...loaded.values()].reduce((sum, size) => sum + size, 0) < 60_000);
  for (const path of [
    '/static/',
    '/static/nope.js',
    '/static/browser/tsconfig.json',
    '/static/shared/shared.test.js',
    '/static/browser/..%2findex.js',
  ]) {
    const { status, body } = await get(path);
    if (status !== 301) assert.deepEqual([status, body], [404, `unknown static resource "${path}"\n`]);
  }
});
