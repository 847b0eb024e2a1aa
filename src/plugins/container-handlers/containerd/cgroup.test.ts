import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { actualCgroup, expectedCgroups } from './cgroup.js';
import { parseSpecification, storageOf } from './describe.js';

describe('the cgroup of a container of containerd', () => {
  it('is the path of its specification, or the unit that systemd makes of it', () => {
    assert.deepEqual(expectedCgroups('/default/web'), ['/default/web']);
    assert.deepEqual(expectedCgroups('default/web/'), ['/default/web']);
    assert.deepEqual(expectedCgroups(''), []);
    assert.deepEqual(expectedCgroups('/'), []);
    const unit = expectedCgroups('system.slice:nerdctl:4f1b');
    assert.deepEqual(unit, ['/system.slice/nerdctl-4f1b.scope', '/system.slice:nerdctl:4f1b']);
    assert.equal(expectedCgroups(':nerdctl:4f1b')[0], '/system.slice/nerdctl-4f1b.scope');
    assert.equal(expectedCgroups('user-1000.slice::4f1b')[0], '/user.slice/user-1000.slice/4f1b.scope');
    assert.equal(expectedCgroups('-.slice:nerdctl:4f1b')[0], '/nerdctl-4f1b.scope');
  });

  it('is where the kernel has its first process', () => {
    const expected = ['/default/web'];
    const v1 = '3:cpu,cpuacct:/default/web\n2:memory:/default/web\n1:name=systemd:/\n0::/\n';
    assert.equal(actualCgroup(v1, expected), '/default/web');
    assert.equal(actualCgroup('0::/default/web/init.scope\n', expected), '/default/web');
    assert.equal(actualCgroup('0::/docker/4f1b/default/web\n', expected), '/docker/4f1b/default/web');
    assert.equal(actualCgroup('0::/default/website\n', expected), undefined);
    assert.equal(actualCgroup('0::/\n', expected), undefined);
  });

  it('is a path or none, whatever the specification and the kernel say', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (cgroupsPath, membership) => {
        for (const path of expectedCgroups(cgroupsPath)) assert.match(path, /^\/./s);
        const actual = actualCgroup(`0::/${membership}`, expectedCgroups(cgroupsPath));
        assert.ok(actual === undefined || actual.startsWith('/'));
      }),
    );
  });
});

describe('a specification', () => {
  const spec = (value: unknown) => parseSpecification(new TextEncoder().encode(JSON.stringify(value)), 'web');

  it('describes whether a container has its own, the host’s or another container’s network', () => {
    const network = (path?: string) => spec({ linux: { namespaces: [{ type: 'network', path }] } }).networkMode;
    assert.equal(network(), 'own');
    assert.equal(network('/run/netns/web'), 'own');
    assert.equal(network('/proc/17/ns/net'), 'shared');
    assert.equal(spec({ linux: { namespaces: [{ type: 'pid' }] } }).networkMode, 'host');
    const pod = {
      annotations: { 'io.kubernetes.cri.sandbox-id': 'pod' },
      linux: { namespaces: [{ type: 'network' }] },
    };
    assert.deepEqual([spec(pod).networkMode, spec(pod).networkOf], ['shared', 'pod']);
  });

  it('is empty for anything that is not a specification', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array(),
          fc.json().map((text) => new TextEncoder().encode(text)),
        ),
        (bytes) => {
          const { env, root } = parseSpecification(bytes, 'web');
          assert.ok(Array.isArray(env) && typeof root === 'string');
        },
      ),
    );
  });
});

describe('the writable layer', () => {
  it('is the upper directory of an overlay, or the directory that a layered snapshotter mounts as it is', () => {
    const overlay = { type: 'overlay', source: 'overlay', options: ['workdir=/w', 'upperdir=/u', 'lowerdir=/l'] };
    assert.deepEqual(storageOf('overlayfs', [overlay]), { writableLayer: '/u' });
    const bind = { type: 'bind', source: '/s/1/fs', options: ['rw', 'rbind'] };
    assert.deepEqual(storageOf('overlayfs', [bind]), { writableLayer: '/s/1/fs' });
    assert.match(storageOf('native', [bind]).reason!, /the snapshotter \(native\) does not tell/);
    assert.match(storageOf('overlayfs', [{ ...bind, options: ['ro', 'rbind'] }]).reason!, /it has no writable layer/);
    assert.match(storageOf('zfs', []).reason!, /the snapshotter \(zfs\) does not tell/);
  });
});
