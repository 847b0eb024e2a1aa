import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type AppContainer, type AppRequest, isCollectionError } from '../../../kernel/contracts/index.js';
import { cadvisorTargets, HttpCollector, parseCadvisorFile, pollingInterval } from './index.js';

const container = (labels: Record<string, string>): AppContainer => ({
  name: '/docker/x',
  labels,
  description: { aliases: [], labels, envs: {}, networkMode: 'own', state: { status: 'running' } },
});
const endpoint = (value: unknown) => parseCadvisorFile(Buffer.from(JSON.stringify({ endpoint: value })), '/f').request;

describe('cAdvisor’s configurations of application metrics', () => {
  it('the label name selects the collector', () => {
    const labelled = container({
      'io.cadvisor.metric.myapp': '/a',
      'io.cadvisor.metric.prometheus': '/b',
      'io.cadvisor.metric.Prometheus-2': '/c',
      other: '/d',
    });
    const files = (prometheus: boolean) =>
      cadvisorTargets(labelled, prometheus, 1000).map(({ name, file }) => [name, file]);
    assert.deepEqual(files(false), [['myapp', '/a']]);
    assert.deepEqual(files(true), [
      ['Prometheus-2', '/c'],
      ['prometheus', '/b'],
    ]);
  });

  it('a polling frequency is in seconds, and from 10^9 in nanoseconds', () => {
    assert.equal(pollingInterval(10), 10_000);
    assert.equal(pollingInterval(0.5), 500);
    assert.equal(pollingInterval('15'), 15_000);
    assert.equal(pollingInterval(10_000_000_000), 10_000);
    for (const value of [undefined, null, 0, -1, Number.NaN, 'soon', '', {}])
      assert.equal(pollingInterval(value), undefined);
  });

  it('an endpoint is a URL, or a protocol, port and path with defaults', () => {
    assert.deepEqual(endpoint({}), { scheme: 'http', port: 8000, path: '/' });
    assert.deepEqual(endpoint({ protocol: 'https', port: '9100', path: 'status' }), {
      scheme: 'https',
      port: 9100,
      path: '/status',
    });
    assert.deepEqual(endpoint('http://localhost:8000/a?b=c'), {
      scheme: 'http',
      host: 'localhost',
      port: 8000,
      path: '/a?b=c',
    });
    assert.equal(endpoint('https://localhost').port, 443);
    assert.throws(() => endpoint('ftp://x'), /not an http or https URL/);
    assert.throws(() => endpoint(undefined), /endpoint: missing/);
  });

  it('any file is a valid configuration or a CollectionError', () => {
    const bytes = fc.oneof(
      fc.uint8Array(),
      fc.json().map((text) => Buffer.from(text)),
      fc.record({ endpoint: fc.jsonValue() }).map((value) => Buffer.from(JSON.stringify(value))),
    );
    fc.assert(
      fc.property(bytes, (content) => {
        try {
          parseCadvisorFile(Buffer.from(content), '/f');
        } catch (error) {
          assert.ok(isCollectionError(error), String(error));
        }
      }),
    );
  });

  it('errors do not quote the file', () => {
    const contents = ['SECRET', '{"endpoint": SECRET', '{"a": "SECRET\u0001"}'];
    const endpoints = ['SECRET', 'redis://:SECRET@host/', { protocol: 'SECRET' }, { path: ['SECRET'] }];
    for (const text of [...contents, ...endpoints.map((value) => JSON.stringify({ endpoint: value }))]) {
      assert.throws(
        () => parseCadvisorFile(Buffer.from(text), '/f'),
        (error: Error) => isCollectionError(error) && !error.message.includes('SECRET') && error.cause === undefined,
        text,
      );
    }
  });

  it('a file that cannot be read is read again with increasing pauses', async () => {
    const collector = new (class extends HttpCollector<AppRequest> {
      async collect(readFile: () => Promise<Buffer>): Promise<void> {
        const parse = ({ request }: { request: AppRequest }) => ({ recipe: request, interval: 2000 });
        await this.recipeOf(target, () => this.readTarget(target, { readFile }, parse));
        this.spent(target, 100);
      }
    })({});
    const target = { kind: 'file', name: 'a', file: '/a', interval: 10_000 } as const;
    const pauses: number[] = [];
    for (let i = 0; i < 8; i++) {
      await assert.rejects(collector.collect(() => Promise.reject(new Error('no'))));
      pauses.push(collector.intervalOf(target));
    }
    assert.deepEqual(pauses, [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]);
    await collector.collect(async () => Buffer.from('{"endpoint": "http://localhost"}'));
    assert.equal(collector.intervalOf(target), 5000);
  });
});
