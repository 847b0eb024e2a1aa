import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { formatListenAddress, parseListenAddress } from './listen.js';

describe('listen addresses', () => {
  it('are parsed from host:port, [IPv6]:port or unix:/path', () => {
    assert.deepEqual(parseListenAddress('127.0.0.1:8080'), { kind: 'tcp', host: '127.0.0.1', port: 8080 });
    assert.deepEqual(parseListenAddress('my-host.local:0'), { kind: 'tcp', host: 'my-host.local', port: 0 });
    assert.deepEqual(parseListenAddress('[::1]:65535'), { kind: 'tcp', host: '::1', port: 65535 });
    assert.deepEqual(parseListenAddress('[fe80::1%eth0]:80'), { kind: 'tcp', host: 'fe80::1%eth0', port: 80 });
    assert.deepEqual(parseListenAddress('unix:/run/t.sock'), { kind: 'unix', path: '/run/t.sock' });
    assert.deepEqual(parseListenAddress('unix:///run/t.sock'), { kind: 'unix', path: '/run/t.sock' });
    assert.deepEqual(parseListenAddress(':80'), { kind: 'tcp', host: undefined, port: 80 });
    for (const text of [
      '',
      ':',
      '8080',
      'a:',
      'a:65536',
      '::1:80',
      '[::1]',
      'unix:',
      'unix:run/x',
      'http://a:1',
      'a:-1',
      'a:b:1',
    ]) {
      assert.equal(parseListenAddress(text), undefined, text);
    }
  });

  it('are formatted as they are parsed', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.ipV4(),
          fc.ipV6().map((ip) => `[${ip}]`),
        ),
        fc.nat(70_000),
        (host, port) => {
          const address = parseListenAddress(`${host}:${port}`);
          if (address !== undefined) assert.deepEqual(parseListenAddress(formatListenAddress(address)), address);
        },
      ),
    );
  });
});
