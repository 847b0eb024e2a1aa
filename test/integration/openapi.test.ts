// The description of the API, and a running agent held to it by random requests.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv2020 as Ajv } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { send } from '../conformance/world/served.js';
import { AgentProcess } from '../support/agent-process.js';
import { BUSY_SCRIPT } from '../support/busy-cgroup.js';
import { needs } from '../support/needs.js';
import { RealCgroup } from '../support/real-cgroup.js';
import { OPERATIONS, operationOf, violation } from '../support/served-operations.js';

interface Operation {
  readonly parameters: readonly { readonly name: string; readonly in: string }[];
  readonly responses: Readonly<Record<string, { readonly content: Readonly<Record<string, unknown>> }>>;
  readonly requestBody?: unknown;
}
interface Document {
  readonly paths: Readonly<Record<string, { readonly get?: Operation; readonly post?: Operation }>>;
}

const group = new RealCgroup(`/tallyman-test-${process.pid}-openapi`);
const SOURCES = 'sched cpuLoad memory_numa tcp udp advtcp process hugetlb cpuset'.split(' ');
const CONFIG = `plugins:
  - { use: profiling }
  - { use: prometheus, with: { kubelet: { path: /metrics/cadvisor } } }
${SOURCES.map((use) => `  - { use: ${use}, onError: ignore }`).join('\n')}
  - { use: raw, with: { include: [/, '${group.name}', '${group.name}/**'] } }`;

/** Valid and invalid values of an option. */
const VALUES: Readonly<Record<string, readonly string[]>> = {
  type: ['name', 'docker', 'podman', 'rkt', ''],
  count: ['0', '1', '2', '64', '-1', '-2', 'x', '4294967296', ''],
  recursive: ['true', 'false', '1'],
  max_age: ['0s', '1ms', '1h', '-1s', 'soon', '10'],
  label: ['root', 'none', ''],
  uuid: ['00000000-0000', ''],
  max_events: ['0', '1', '-1', '-2', 'x', '10'],
  start_time: ['2026-11-24T11:06:53.5Z', 'x', '0001-01-01T00:00:00Z'],
  end_time: ['2099-11-24T11:06:53+02:00', '2001-01-01T00:00:00Z'],
};
/** Streams do not end: they have tests of their own. */
const FLAG = ['true', 'false', 'T', 'x'];
const valuesOf = (name: string): readonly string[] => (name === 'stream' ? ['false', 'x'] : (VALUES[name] ?? FLAG));

const NAMES = [
  '',
  '/',
  group.name,
  `${group.name}/inner`,
  `${group.name}/`,
  '/nope',
  '/docker',
  '/%2e%2e/x',
  '/%00',
  '/a b',
];
const BODIES = [
  '',
  '{}',
  'null',
  '{"num_stats":2}',
  '{"num_stats":-2}',
  '{"num_stats":"x"}',
  '{"start":"x"}',
  '[',
  '7',
  '{"NUM_STATS":-1} x',
];

describe('the description of the API', { skip: needs('cgroups') }, () => {
  const inner = new RealCgroup(`${group.name}/inner`);
  let agent: AgentProcess;
  let document: Document;
  before(async () => {
    group.create();
    inner.create();
    await inner.run(BUSY_SCRIPT);
    agent = await AgentProcess.start(CONFIG);
    document = await agent.json('/api/openapi.json');
    const path = `/api/v2.0/stats${inner.name}?count=2`;
    await agent.until<Record<string, unknown[]>>(path, (stats) => stats[inner.name]?.length === 2, 'two samples');
  });
  after(async () => {
    await agent?.stop();
    await inner.remove();
    await group.remove();
  });

  it('is valid OpenAPI 3.1', async () => {
    const validator = new Validator();
    const { valid, errors } = await validator.validate(structuredClone(document) as unknown as Record<string, unknown>);
    assert.ok(valid, JSON.stringify(errors));
    assert.equal(validator.version, '3.1');
  });

  it('describes exactly the request types that are served', async () => {
    for (const [version, operations] of Object.entries(OPERATIONS)) {
      // A connection that was idle may be closed just when it is used again.
      const once = { headers: { connection: 'close' } };
      const listing = await (await fetch(`${agent.url}/api/${version}/`, once)).text();
      const [, types = ''] = /"(.*)"/.exec(listing) ?? [];
      assert.deepEqual(Object.keys(operations).sort(), types.split(','));
      for (const type of types.split(',')) assert.ok(document.paths[`/api/${version}/${type}`] !== undefined);
    }
  });

  it('describes every path that the agent serves', async () => {
    const { routes } = await agent.json<{ routes: readonly string[] }>('/-/status');
    assert.ok(routes.length > 50, routes.join());
    // These answer 400 with the names of versions and request types, as cAdvisor does.
    const isListing = (path: string) => /^\/api\/(v[\d.]+\/)?$/.test(path);
    const described = new Set(Object.keys(document.paths).map((path) => path.replace(/\/?(\{\w+\})?$/, '')));
    const missing = routes.filter((path) => !isListing(path) && !described.has(path.replace(/\/$/, '')));
    assert.deepEqual(missing, []);
  });

  it('matches the answers to many valid and invalid requests', { timeout: 300_000 }, async () => {
    const paths = Object.keys(document.paths).filter((path) => path.startsWith('/api/v') && !path.includes('{'));
    const request = fc.constantFrom(...paths).chain((path) => {
      const { parameters } = document.paths[path]!.get!;
      const query = parameters.filter((parameter) => parameter.in === 'query').map(({ name }) => name);
      const option = fc
        .constantFrom(...query, 'other')
        .chain((name) => fc.constantFrom(...valuesOf(name)).map((value) => `${name}=${encodeURIComponent(value)}`));
      return fc.record({
        path: fc.constant(path),
        name: fc.constantFrom(...NAMES),
        options: fc.array(option, { maxLength: 3 }),
        body: fc.constantFrom(...BODIES),
        method: fc.constantFrom('GET', 'POST', 'PUT'),
      });
    });
    let answered = 0;
    await fc.assert(
      fc.asyncProperty(request, async ({ path, name, options, body, method }) => {
        const target = `${path}${name.replaceAll(' ', '%20')}?${options.join('&')}`;
        const { status, body: answer, headers } = await send(agent.url, target, method, body);
        const declared = Object.keys(document.paths[path]!.get!.responses);
        // Redirects to the clean form of a path are not operations.
        assert.ok(status === 301 || declared.includes(String(status)), `${target}: ${status} ${answer.slice(0, 300)}`);
        if (status !== 200) return;
        answered++;
        assert.equal(headers['content-type'], 'application/json');
        assert.equal(violation(operationOf(target)!, answer), '', target);
      }),
      { numRuns: 1500 },
    );
    assert.ok(answered > 250, `only ${answered} were answered with 200`);
    assert.doesNotMatch(agent.output, /failed in/);
  });

  it('matches the answers of all other paths', async () => {
    const ajv = new Ajv({ strict: false }).addSchema(document, 'document').addFormat('date-time', true);
    const checked: string[] = [];
    for (const [path, { get, post }] of Object.entries(document.paths)) {
      if (path.startsWith('/api/v') || path.includes('{kind}')) continue;
      const method = get === undefined ? 'post' : 'get';
      const { responses } = (get ?? post)!;
      const target = path.replace('{container}', group.name.slice(1)).replace(/\{\w+\}/, 'none');
      const { status, body, headers } = await send(agent.url, target, method.toUpperCase());
      const content = responses[status]?.content;
      assert.ok(content !== undefined, `${target}: ${status} ${body.slice(0, 300)}`);
      if (content['application/json'] === undefined) continue;
      assert.equal(headers['content-type'], 'application/json', target);
      const pointer = ['paths', path, method, 'responses', String(status), 'content', 'application/json', 'schema'];
      const $ref = `document#/${pointer.map((part) => encodeURIComponent(part.replaceAll('/', '~1'))).join('/')}`;
      const check = ajv.compile({ $ref });
      assert.ok(check(JSON.parse(body)), `${target}: ${ajv.errorsText(check.errors)}`);
      checked.push(path);
    }
    assert.ok(checked.length > 10, checked.join());
  });
});
