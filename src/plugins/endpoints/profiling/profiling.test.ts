import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, beforeEach, it } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { Profile } from 'pprof-format';
import { httpServer } from '../../../../test/support/http-server.js';
import type { ApiRequest, PluginContext } from '../../../kernel/contracts/index.js';
import type { HttpServer } from '../../../kernel/http/index.js';
import profiling from './index.js';

const create = () => profiling.create({} as PluginContext, profiling.configSchema.parse({}));
const TOKEN = 'a-token-of-the-test-0123456789';
const none = { file: undefined, realm: 'x' };
const directory = mkdtempSync(join(tmpdir(), 'tallyman-test-'));
const tokens = join(directory, 'tokens');
writeFileSync(tokens, `${TOKEN}\n`, { mode: 0o600 });
after(() => rmSync(directory, { recursive: true }));
let server: HttpServer;
let url: string;

beforeEach(async () => {
  server = httpServer(
    { endpoints: [{ id: 'profiling', instance: create() }] },
    { auth: { basic: none, digest: none, bearer: { file: tokens }, rules: [] } },
  );
  [url] = (await server.start()) as [string];
});
afterEach(() => server.stop(0));

function ask(path: string, init: RequestInit = {}): Promise<Response> {
  return fetch(url + path, { ...init, headers: { authorization: `Bearer ${TOKEN}` } });
}

async function get(path: string): Promise<Response> {
  const response = await ask(path);
  assert.equal(response.status, 200, path);
  assert.match(response.headers.get('content-disposition')!, /^attachment; filename="tallyman-\d{8}T\d{6}\.[a-z.]+"$/);
  return response;
}

/** Does something that a profile shows under this name. */
function busyBee(until: () => boolean): Promise<number[][]> {
  const kept: number[][] = [];
  return new Promise((resolve) => {
    const work = (): void => {
      for (let i = 0; i < 20; i++) kept.push(Array.from({ length: 1000 }, (_, n) => Math.sqrt(n)));
      if (kept.length > 2000) kept.splice(0, 1000);
      if (until()) resolve(kept);
      else setImmediate(work);
    };
    work();
  });
}

async function whileBusy<T>(answer: Promise<T>): Promise<T> {
  let done = false;
  const bee = busyBee(() => done);
  try {
    return await answer;
  } finally {
    done = true;
    await bee;
  }
}

it('CPU profiles for Chrome’s tools and for pprof contain the running functions', async () => {
  const chrome = JSON.parse(await whileBusy(get('/debug/profile/cpu?seconds=0.3').then((r) => r.text())));
  assert.ok(
    chrome.nodes.some(({ callFrame }: { callFrame: { functionName: string } }) => callFrame.functionName === 'work'),
  );
  assert.equal(chrome.samples.length, chrome.timeDeltas.length);
  const bytes = await whileBusy(get('/debug/pprof/profile?seconds=0.3').then((r) => r.arrayBuffer()));
  const { names, profile } = decode(bytes);
  assert.ok(names.includes('work'));
  assert.deepEqual(
    profile.sampleType.map(({ type, unit }) => [text(profile, type), text(profile, unit)]),
    [
      ['samples', 'count'],
      ['cpu', 'nanoseconds'],
    ],
  );
});

it('heap profiles contain the whole heap for Chrome’s tools and the allocations for pprof', async () => {
  const snapshot = JSON.parse(await (await get('/debug/profile/heap')).text());
  assert.ok(snapshot.snapshot.node_count > 1000);
  const { names } = decode(await whileBusy(get('/debug/pprof/heap?seconds=0.3').then((r) => r.arrayBuffer())));
  assert.ok(names.includes('work'));
});

it('one profile is taken at a time, and ends when its client disconnects', async () => {
  const leaving = new AbortController();
  const first = await ask(`/debug/profile/cpu?seconds=200`, { signal: leaving.signal });
  assert.equal((await ask(`/debug/pprof/heap`)).status, 409);
  leaving.abort();
  await assert.rejects(first.text());
  const deadline = AbortSignal.timeout(60_000);
  while ((await ask(`/debug/pprof/heap?seconds=0.01`)).status === 409) deadline.throwIfAborted();
});

it('invalid requests are rejected with a reason', async () => {
  for (const seconds of ['0', '-1', 'x', '1e9', '301']) {
    const response = await ask(`/debug/profile/cpu?seconds=${seconds}`);
    assert.equal(response.status, 400);
    assert.match(await response.text(), /above 0 and at most 300/);
  }
  assert.equal(await (await ask(`/debug/pprof/`)).text(), 'there are these profiles: profile, heap\n');
  assert.equal((await ask(`/debug/profile/cpu/x`)).status, 404);
  assert.equal((await ask(`/debug/pprof/constructor`)).status, 404);
  assert.equal((await ask(`/debug/profile/heap`, { method: 'HEAD' })).status, 200);
  assert.equal((await ask(`/debug/profile/cpu?seconds=0.01`)).status, 200);
});

it('unauthenticated requests are rejected', () => {
  const handler = create().routes['/debug/profile/']!;
  const request = { args: ['cpu'], query: new URLSearchParams(), authenticated: false } as unknown as ApiRequest;
  assert.throws(() => handler(request), { status: 403, message: /set web\.auth and authenticate/ });
});

function text(profile: Profile, index: number | bigint): string {
  return profile.stringTable.strings[Number(index)]!;
}

function decode(bytes: ArrayBuffer): { names: string[]; profile: Profile } {
  const profile = Profile.decode(gunzipSync(Buffer.from(bytes)));
  return { profile, names: profile.function.map(({ name }) => text(profile, name)) };
}
