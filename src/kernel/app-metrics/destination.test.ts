import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { isCollectionError } from '../contracts/index.js';
import { type Reach, resolveEndpoint } from './destination.js';

const own: Reach = { networkMode: 'own', addresses: ['172.17.0.2', 'fd00::2'], trustedHosts: [] };
const hostNetwork: Reach = { networkMode: 'host', addresses: [], trustedHosts: [] };
const plain: Reach = { networkMode: 'none', addresses: [], trustedHosts: [] };

describe('where an endpoint leads', () => {
  it('localhost, a loopback address and no host are the container', () => {
    for (const host of [undefined, 'localhost', 'LOCALHOST', '127.0.0.1', '127.9.9.9', '[::1]', '0.0.0.0']) {
      const endpoint = host === undefined ? { port: 80 } : { host, port: 80 };
      assert.deepEqual(resolveEndpoint(endpoint, own), { kind: 'tcp', host: '172.17.0.2', port: 80, check: 'none' });
    }
  });

  it('its own addresses are allowed, in any spelling', () => {
    for (const host of ['172.17.0.2', 'fd00::2', '[fd00:0:0::2]', 'FD00::0002']) {
      assert.equal(resolveEndpoint({ host, port: 80 }, own).kind, 'tcp');
    }
  });

  it('no other host is', () => {
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

  it('in the host’s network the port must be one of its own processes’', () => {
    assert.deepEqual(resolveEndpoint({ port: 80 }, hostNetwork), {
      kind: 'tcp',
      host: '127.0.0.1',
      port: 80,
      check: 'listener',
    });
  });

  it('what the administrator wrote is believed, and only that', () => {
    const trusting = { ...plain, trustedHosts: ['127.0.0.1'] };
    assert.deepEqual(resolveEndpoint({ host: '127.0.0.1', port: 80 }, trusting), {
      kind: 'tcp',
      host: '127.0.0.1',
      port: 80,
      check: 'none',
    });
    assert.throws(() => resolveEndpoint({ port: 80 }, plain), /write host: 127\.0\.0\.1 into its entry/);
    assert.throws(() => resolveEndpoint({ host: '10.0.0.1', port: 80 }, trusting), /is not the container's/);
  });

  it('sockets are absolute paths, ports are ports', () => {
    assert.deepEqual(resolveEndpoint({ socket: '/run/x.sock' }, plain), { kind: 'unix', path: '/run/x.sock' });
    assert.throws(() => resolveEndpoint({ socket: 'x.sock' }, own), /not an absolute path/);
    for (const port of [0, 65536, 1.5, Number.NaN, -1])
      assert.throws(() => resolveEndpoint({ port }, own), /not a number/);
    assert.throws(() => resolveEndpoint({}, own), /port \(none\)/);
  });

  it('whatever host is asked for, the answer is the container or a refusal', () => {
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
