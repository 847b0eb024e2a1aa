import type { PathPattern } from '../common/index.js';

const CONTAINER = /\/(cri-containerd-|crio-|)([0-9a-f]{64})(\.scope)?$/;
const CRIO_MONITOR = /\/crio-conmon-[0-9a-f]{64}(\.scope)?$/;
/** `pod<uid>` of the cgroupfs driver, `…-pod<uid>.slice` of systemd's, in which `_` stands for `-`. */
const POD = /\/(?:pod([0-9a-f-]{32,36})|[^/]*-pod([0-9a-f_]{32,36})\.slice)$/;
/** Where kubelet puts pods, whatever its cgroup root, and containerd a sandbox that has no parent. */
const OF_PODS = /kubepods|^\/k8s\.io\//;
/** In front of the ids of pods, which are no ids of containers. */
const POD_PREFIX = 'pod:';

/** The id under which a pod with this UID is known beside containers. */
export const podId = (uid: string): string => `${POD_PREFIX}${uid}`;
export const isPodId = (id: string): boolean => id.startsWith(POD_PREFIX);

/**
 * Containers and pods of the Container Runtime Interface, with both cgroup drivers: `/kubepods/burstable/pod<uid>/<id>`, and
 * `/kubepods.slice/…/kubepods-burstable-pod<uid>.slice/cri-containerd-<id>.scope` or `crio-<id>.scope`.
 */
export const criPaths: PathPattern = {
  match(path) {
    if (CRIO_MONITOR.test(path)) return 'monitor';
    const container = CONTAINER.exec(path);
    if (container !== null) {
      const [, prefix, id, scope] = container;
      // With the cgroupfs driver CRI-O has its prefix as well, and containerd none.
      const isNamed = prefix !== '' && (scope !== undefined || prefix === 'crio-');
      const isPlain = prefix === '' && scope === undefined && OF_PODS.test(path);
      return isNamed || isPlain ? { id: id!, certain: true } : undefined;
    }
    const pod = POD.exec(path);
    if (pod === null || !OF_PODS.test(path)) return undefined;
    return { id: podId(pod[1] ?? pod[2]!.replaceAll('_', '-')), certain: false };
  },
};
