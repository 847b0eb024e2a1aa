import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { dockerPaths, podmanPaths } from './cgroup-path.js';

const id = 'a1'.repeat(32);

describe('dockerPaths', () => {
  it('matches the paths of both cgroup drivers', () => {
    assert.deepEqual(dockerPaths.match(`/docker/${id}`), { id, certain: true });
    assert.deepEqual(dockerPaths.match(`/system.slice/docker-${id}.scope`), { id, certain: true });
    assert.deepEqual(dockerPaths.match(`/shop.slice/docker-${id}.scope`), { id, certain: true });
    assert.deepEqual(dockerPaths.match(`/kubepods/burstable/pod1/${id}`), { id, certain: false });
    assert.deepEqual(dockerPaths.match(`/${id}`), { id, certain: false });
  });

  it('does not match paths of other software', () => {
    const others = [
      `/docker/${id}/child`,
      `/docker/${id.slice(1)}`,
      `/system.slice/docker-${id}.mount`,
      `/system.slice/docker-${id}`,
      `/system.slice/${id}.scope`,
      `/machine.slice/libpod-${id}.scope`,
      `/system.slice/cri-containerd-${id}.scope`,
      `/libpod_parent/${id}`,
      '/',
    ];
    for (const path of others) assert.equal(dockerPaths.match(path), undefined, path);
  });
});

describe('podmanPaths', () => {
  it('matches containers and their monitors, root and rootless', () => {
    assert.deepEqual(podmanPaths.match(`/libpod_parent/libpod-${id}`), { id, certain: true });
    assert.deepEqual(podmanPaths.match(`/machine.slice/libpod-${id}.scope`), { id, certain: true });
    const rootless = `/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-${id}.scope`;
    assert.deepEqual(podmanPaths.match(rootless), { id, certain: true });
    assert.equal(podmanPaths.match(`/machine.slice/libpod-conmon-${id}.scope`), 'monitor');
  });

  it('does not match pods, children and mounts', () => {
    const others = [
      `/machine.slice/machine-libpod_pod_${id}.slice`,
      `/machine.slice/libpod-${id}.scope/container`,
      `/machine.slice/libpod-${id}.mount`,
      `/libpod_parent/${id}`,
      '/libpod_parent/conmon',
    ];
    for (const path of others) assert.equal(podmanPaths.match(path), undefined, path);
  });

  it('never throws', () => {
    fc.assert(fc.property(fc.string(), (path) => void [dockerPaths.match(path), podmanPaths.match(path)]));
  });
});
