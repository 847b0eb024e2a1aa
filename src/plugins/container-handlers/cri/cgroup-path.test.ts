import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { criPaths, podId } from './cgroup-path.js';

const ID = '0123456789abcdef'.repeat(4);
const UID = '11111111-2222-3333-4444-555555555555';
const STATIC_UID = 'ab'.repeat(16);
const SLICE = UID.replaceAll('-', '_');

describe('cgroup paths of the Container Runtime Interface', () => {
  const container = { id: ID, certain: true };
  const pod = { id: podId(UID), certain: false };
  for (const [path, expected] of [
    [`/kubepods/burstable/pod${UID}/${ID}`, container],
    [`/kubepods/pod${UID}/${ID}`, container],
    [`/kubelet/kubepods/besteffort/pod${UID}/crio-${ID}`, container],
    [`/k8s.io/${ID}`, container],
    [
      `/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${SLICE}.slice/cri-containerd-${ID}.scope`,
      container,
    ],
    [`/kubepods.slice/kubepods-pod${SLICE}.slice/crio-${ID}.scope`, container],
    [`/system.slice/crio-${ID}.scope`, container],
    [`/kubepods/besteffort/pod${UID}`, pod],
    [`/kubepods/besteffort/pod${STATIC_UID}`, { id: podId(STATIC_UID), certain: false }],
    [`/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod${SLICE}.slice`, pod],
    [`/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod${SLICE}.slice`, pod],
    [`/kubepods.slice/kubepods-pod${SLICE}.slice/crio-conmon-${ID}.scope`, 'monitor'],
    [`/kubepods/pod${UID}/crio-conmon-${ID}`, 'monitor'],
  ] as const) {
    it(`recognises ${path.replaceAll(ID, '<id>')}`, () => assert.deepEqual(criPaths.match(path), expected));
  }

  for (const path of [
    '/',
    '/kubepods',
    '/kubepods.slice/kubepods-burstable.slice',
    `/docker/${ID}`,
    `/system.slice/docker-${ID}.scope`,
    `/kubepods.slice/kubepods-pod${SLICE}.slice/docker-${ID}.scope`,
    `/kubepods/pod${UID}/${ID}/inner`,
    `/machine.slice/libpod-${ID}.scope`,
    `/machines/pod${UID}`,
    `/kubepods/pod${UID}/${ID.slice(1)}`,
  ]) {
    it(`leaves ${path.replaceAll(ID, '<id>')} to others`, () => assert.equal(criPaths.match(path), undefined));
  }

  it('answers for any text', () => {
    fc.assert(
      fc.property(fc.string(), (path) => {
        criPaths.match(path);
      }),
    );
  });
});
