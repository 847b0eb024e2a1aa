import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parseEndpoint } from './endpoint.js';
import { engineOptions } from './options.js';

const schema = engineOptions('unix:///var/run/docker.sock');
const firstIssue = (options: unknown) => schema.safeParse(options).error?.issues[0];

describe('parseEndpoint', () => {
  it('parses sockets, plain and TLS addresses', () => {
    assert.deepEqual(parseEndpoint('unix:///run/d.sock'), {
      kind: 'unix',
      url: 'unix:///run/d.sock',
      path: '/run/d.sock',
    });
    assert.deepEqual(parseEndpoint('/run/d.sock'), parseEndpoint('unix:///run/d.sock'));
    const plain = parseEndpoint('tcp://10.0.0.1');
    assert.deepEqual(plain, { kind: 'http', url: 'tcp://10.0.0.1', host: '10.0.0.1', port: 2375 });
    const https = parseEndpoint('https://[::1]:99');
    assert.deepEqual(https, { kind: 'https', url: 'https://[::1]:99', host: '::1', port: 99 });
    assert.deepEqual(parseEndpoint('https://box'), { kind: 'https', url: 'https://box', host: 'box', port: 2376 });
  });

  it('rejects anything else with a reason, and never throws', () => {
    for (const address of ['unix://docker.sock', 'ssh://box', 'box', 'https://box/path', '']) {
      assert.match(parseEndpoint(address) as string, /^expected /, address);
    }
    fc.assert(fc.property(fc.oneof(fc.string(), fc.webUrl()), (address) => void parseEndpoint(address)));
  });
});

describe('options', () => {
  it('has defaults for everything', () => {
    const { endpoint, timeout, include, labelAllow } = schema.parse({});
    assert.equal(endpoint[0]!.url, 'unix:///var/run/docker.sock');
    assert.deepEqual(
      { timeout, include, labelAllow },
      {
        timeout: 10_000,
        include: { names: [], images: [], labels: [] },
        labelAllow: [],
      },
    );
  });

  it('accepts one endpoint or several', () => {
    const urls = (endpoint: unknown) => schema.parse({ endpoint }).endpoint.map(({ url }) => url);
    assert.deepEqual(urls('tcp://a:1'), ['tcp://a:1']);
    assert.deepEqual(urls(['unix:///a', 'unix:///b']), ['unix:///a', 'unix:///b']);
  });

  it('rejects invalid options with the valid form', () => {
    assert.match(firstIssue({ envAllow: ['APP-*-X'] })!.message, /such as APP_TIER or APP_\*; not "APP-\*-X"/);
    assert.match(firstIssue({ envAllow: ['FOO=bar'] })!.message, /not "FOO=bar"/);
    assert.match(firstIssue({ exclude: { labels: ['a=[b'] } })!.message, /in "a=\[b": not a glob/);
    assert.match(firstIssue({ labelAllow: ['a['] })!.message, /not a glob/);
    assert.match(firstIssue({ labelAlow: [] })!.message, /labelAlow/);
    assert.deepEqual(firstIssue({ endpoint: 'ftp://x' })?.path, ['endpoint']);
  });
});
