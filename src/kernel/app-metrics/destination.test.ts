import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { isCollectionError } from '../contracts/index.js';
import { type NetworkScope, resolveEndpoint } from './destination.js';

const own: NetworkScope = { networkMode: 'own', addresses: ['172.17.0.2', 'fd00::2'], trustedHosts: [] };
const hostNetwork: NetworkScope = { networkMode: 'host', addresses: [], trustedHosts: [] };
const plain: NetworkScope = { networkMode: 'none', addresses: [], trustedHosts: [] };

describe('resolveEndpoint', () => {
  it('resolves localhost, loopback addresses and a missing host to the container', () => {
    for (const host of [undefined, 'localhost', 'LOCALHOST', '127.0.0.1', '127.9.9.9', '[::1]', '0.0.0.0']) {
      const endpoint = host === undefined ? { port: 80 } : { host, port: 80 };
      assert.deepEqual(resolveEndpoint(endpoint, own), { kind: 'tcp', host: '172.17.0.2', port: 80, check: 'none' });
    }
  });

  it('accepts the addresses of the container in any spelling', () => {
    for (const host of ['172.17.0.2', 'fd00::2', '[fd00:0:0::2]', 'FD00::0002']) {
      assert.equal(resolveEndpoint({ host, port: 80 }, own).kind, 'tcp');
    }
  });

  it('rejects any other host', () => {
    for (const host of [
      '172.17.0.3',
      '169.254.169.254',
      'example.org',
      '2852039166',
      '0xa9fea9fe',
      '::ffff:172.17.0.9',
      '',
    ]) {
      assert.throws(() => resolveEndpoint({ host, port: 80 }, own), /is not the container's/);
      assert.throws(() => resolveEndpoint({ host, port: 80 }, hostNetwork), /is not the container's/);
    }
  });

  it('requires a port of the container’s own processes in the host’s network', () => {
    assert.deepEqual(resolveEndpoint({ port: 80 }, hostNetwork), {
      kind: 'tcp',
      host: '127.0.0.1',
      port: 80,
      check: 'listener',
    });
  });

  it('accepts exactly the trusted hosts of the configuration', () => {
    const trusting = { ...plain, trustedHosts: ['127.0.0.1'] };
    assert.deepEqual(resolveEndpoint({ host: '127.0.0.1', port: 80 }, trusting), {
      kind: 'tcp',
      host: '127.0.0.1',
      port: 80,
      check: 'none',
    });
    assert.throws(() => resolveEndpoint({ port: 80 }, plain), /set host: 127\.0\.0\.1 in its entry/);
    assert.throws(() => resolveEndpoint({ host: '10.0.0.1', port: 80 }, trusting), /is not the container's/);
  });

  it('rejects relative socket paths and invalid ports', () => {
    assert.deepEqual(resolveEndpoint({ socket: '/run/x.sock' }, plain), { kind: 'unix', path: '/run/x.sock' });
    assert.throws(() => resolveEndpoint({ socket: 'x.sock' }, own), /not an absolute path/);
    for (const port of [0, 65536, 1.5, Number.NaN, -1])
      assert.throws(() => resolveEndpoint({ port }, own), /not a number/);
    assert.throws(() => resolveEndpoint({}, own), /port \(none\)/);
  });

  it('resolves any host to the container or rejects it', () => {
    const host = fc.oneof(fc.string(), fc.domain(), fc.ipV4(), fc.ipV6(), fc.webAuthority());
    fc.assert(
      fc.property(host, (name) => {
        try {
          const destination = resolveEndpoint({ host: name, port: 1 }, own);
          assert.ok(destination.kind === 'tcp' && ['172.17.0.2', 'fd00::2'].includes(destination.host));
        } catch (error) {
          assert.ok(isCollectionError(error), String(error));
        }
      }),
    );
  });
});
