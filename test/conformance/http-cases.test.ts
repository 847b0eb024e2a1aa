// Every recorded request of the kinds served: the same body and headers, and a status that says more than 500.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import type { Endpoint, EventLog, ProcessInfo, RequestHandler } from '../../src/kernel/contracts/index.js';
import { containerFromInfo, type FakeAgentOptions, type FakeContainer, fakeAgent } from './world/fake-agent.js';
import { golden, goldenObject } from './world/golden.js';
import { assertSameChallenge, RecordedPasswords } from './world/passwords.js';
import { storageFor } from './world/recorded-agent.js';
import { keptEvents, recordedEvents } from './world/recorded-events.js';
import type { JsonObject } from './world/recorded-samples.js';
import { pagesOf, type Served, send, serveAgent } from './world/served.js';

interface HttpCase {
  readonly name: string;
  readonly run: 'A' | 'B' | 'C' | 'D' | 'F';
  readonly method: string;
  readonly url: string;
  readonly request_body?: string;
  /** null: the recorded agent closed the connection without an answer. */
  readonly status: number | null;
  readonly content_type: string;
  readonly body: string;
  readonly location?: string;
  readonly www_authenticate?: string;
}

/** What is answered instead of the recorded body or status, and why. */
interface Better {
  readonly status?: number;
  readonly body?: string | RegExp;
  readonly why: string;
}

const WEB = '/docker/52c54ec7be02641ce92aa491c6a94bfb6cad81525a294d373d7d93929df3d30b';
const DECODING: Better = { body: /^unable to decode the json value: .+\n$/, why: 'only the prefix is stable' };

const BETTER: Readonly<Record<string, Better>> = {
  'v1.3-containers-num-minus5': { status: 400, body: /^invalid num_stats -5/, why: 'quirk 2' },
  'D-stats-root': { status: 200, body: '{"/":[]}', why: 'quirk 5' },
  'v2.0-stats-graw-count--1': { status: 200, body: /^\{"\/graw":\[\{/, why: 'newer agents: -1 asks for all' },
  'v2.0-appmetrics-dockerfull': { body: `{"${WEB}":{}}`, why: 'quirk 32' },
  'v2.0-appmetrics-dockername': { body: `{"${WEB}":{}}`, why: 'quirk 32' },
  'v2.0-appmetrics-recursive-graw': { body: '{"/graw":{},"/graw/child":{}}', why: 'quirk 32' },
  'v2.0-stats-app-recursive': { body: /^(\{"|,")(\/docker|\/g-parent)\/.*\}$/, why: 'quirk 32' },
  'v1.3-events-creation-web-default': { body: /^\[\{"container_name":"\/docker\/52c54ec7/, why: 'quirk 6' },
  'D-noauth-root': { status: 401, body: '401 Unauthorized\n', why: 'quirk 1' },
  'F-storage-docker-images': { status: 404, body: 'non-existent label "docker-images"\n', why: 'quirk 23' },
  'v1.3-containers-badjson': DECODING,
  'v1.3-containers-num-float': DECODING,
  'v1.3-containers-start-badtime': DECODING,
  'v1.3-subcontainers-badjson': DECODING,
};

const cases = golden('http-cases.json') as unknown as HttpCase[];
const worlds = new Map<HttpCase['run'], Served>();

const directory = mkdtempSync(join(tmpdir(), `tallyman-test-${process.pid}-`));
const passwords = new RecordedPasswords(directory);

before(async () => {
  const empty: RequestHandler = () => ({ body: () => {} });
  const world = async (run: HttpCase['run'], options: FakeAgentOptions, more: Endpoint['routes'] = {}, prefix = '') => {
    const agent = fakeAgent({ ...options, events: eventsOf(run) });
    const endpoints = { ...pagesOf(agent), '/validate/': empty, ...more };
    worlds.set(run, await serveAgent(agent, { prefix, endpoints, web: passwords.webOf(run) }));
  };
  const everything = everyContainer();
  const docker = everything.filter(({ name, namespace }) => name === '/' || namespace === 'docker');
  await world('A', { ...storageFor(storage()), containers: everything, processes: processes() });
  await world('B', { containers: everything }, { '/debug/pprof/': empty });
  await world('C', { containers: docker }, {}, '/pre');
  await world('D', { containers: [{ name: '/' }, ...docker.filter(({ name }) => name !== '/')] });
  await world('F', { ...storageFor(storage()), containers: everything.filter(({ name }) => name === '/') });
});
after(async () => {
  for (const { server } of worlds.values()) await server.stop(0);
  rmSync(directory, { recursive: true });
});

for (const item of cases) {
  it(`recorded ${item.name}`, async () => {
    const { url, faults } = worlds.get(item.run)!;
    const credentials = await passwords.headersOf(item, url);
    const { status, headers, body } = await send(url, item.url, item.method, item.request_body, credentials);
    const better = BETTER[item.name];
    assert.equal(status, better?.status ?? statusOf(item), body);
    const expected = better?.body ?? asNewer(item.body);
    if (expected instanceof RegExp) assert.match(body, expected);
    else if (item.url.includes('/ps')) assert.equal(body.replaceAll(/,"psr":\d+/g, ''), expected);
    else assert.equal(body, item.url.includes('/storage') ? microseconds(expected) : expected);
    if (status === 401) assertSameChallenge(headers['www-authenticate'], item.www_authenticate);
    if (item.status === null || kindOf(status) !== kindOf(item.status)) return;
    assert.equal(headers['content-type'] ?? '', item.content_type);
    // The recorded agent says it with errors only.
    assert.equal(headers['x-content-type-options'], 'nosniff');
    assert.equal(headers.location, item.location);
    assert.deepEqual(faults, []);
  });
}

/** A success, a redirect or an error: those of a kind have the same headers. */
function kindOf(status: number): number {
  return Math.min(4, Math.floor(status / 100));
}

/** Quirk 35: not 500, but whether the request is wrong (400) or asks for something that is not there (404). */
function statusOf({ status, body }: HttpCase): number {
  if (status !== 500) return status!;
  return /unknown container|unable to find|no containers found|non-existent|no such device/.test(body) ? 404 : 400;
}

/** The text of v0.60.5 for an alias that nothing has. */
function asNewer(body: string): string {
  return body.replace(/unable to find Docker container ("[^"]*")/, 'unable to find container $1 in "docker" namespace');
}

/** Samples have whole microseconds. */
function microseconds(body: string): string {
  return body.replaceAll(/(T\d\d:\d\d:\d\d\.\d{6})\d{1,3}Z/g, '$1Z');
}

/** The recorded containers, at least as far as the cases ask for them. */
function everyContainer(): FakeContainer[] {
  const docker = Object.values(goldenObject('v1.2-docker-all.json')).map((info) =>
    containerFromInfo(info as JsonObject),
  );
  const raw = (golden('v1.1-subcontainers-graw.json') as JsonObject[]).map(containerFromInfo);
  const single = ['v1.3-containers-raw_gcpuonly.json', 'v1.3-containers-range.json'].map((file) =>
    containerFromInfo(goldenObject(file)),
  );
  const [root] = storageFor(storage()).containers!;
  return [root!, ...docker, ...raw, ...single];
}

/** The recorded filesystems without the phantom one of quirk 23. */
function storage(): JsonObject[] {
  return (golden('v2.0-storage.json') as JsonObject[]).filter(({ device }) => device !== 'nsfs');
}

/** The events of a recorded agent, as far as its answers show them. */
function eventsOf(run: HttpCase['run']): EventLog {
  const answers = cases.filter((item) => item.run === run && item.status === 200 && item.url.includes('/events'));
  return keptEvents(recordedEvents(answers.map(({ body }) => body)));
}

/** The processes of the recorded `ps` answers, in the containers that they were asked for. */
function processes(): ProcessInfo[] {
  const names = new Map<string, string>();
  for (const info of Object.values(goldenObject('v1.2-docker-all.json')) as JsonObject[]) {
    for (const alias of info.aliases as string[]) names.set(alias, info.name as string);
  }
  const found = new Map<number, ProcessInfo>();
  for (const { url, status, body } of cases) {
    if (status !== 200 || !/^\/api\/v2\.\d\/ps\//.test(url)) continue;
    const { pathname, searchParams } = new URL(url, 'http://x');
    const name = pathname.replace(/^\/api\/v2\.\d\/ps/, '').replace(/\/$/, '');
    const alias = [...names.keys()].find((candidate) => candidate.startsWith(name.slice(1)));
    const path = searchParams.get('type') === 'docker' ? names.get(alias!)! : name;
    for (const entry of JSON.parse(body) as ProcessInfo[])
      found.set(entry.pid, { ...entry, cgroup_path: path, psr: 0 });
  }
  return [...found.values()];
}
