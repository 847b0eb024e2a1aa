import type { PathPattern } from '../common/index.js';

/**
 * Docker: `<parent>/<id>` with the cgroupfs driver, `<parent>/docker-<id>.scope` with the systemd driver. A bare id
 * is certain only below `/docker`; Podman's pods have the same form below `libpod_parent`.
 */
export const dockerPaths: PathPattern = {
  match(path) {
    const match = /(?:^|\/)([^/]*)\/(docker-)?([0-9a-f]{64})(\.scope)?$/.exec(path);
    if (match === null || (match[2] === undefined) !== (match[4] === undefined)) return undefined;
    if (match[1] === 'libpod_parent') return undefined;
    return { id: match[3]!, certain: match[2] !== undefined || match[1] === 'docker' };
  },
};

/** Podman: `libpod-<id>` or `libpod-<id>.scope` anywhere; `libpod-conmon-<id>[.scope]` holds a container's monitor. */
export const podmanPaths: PathPattern = {
  match(path) {
    const match = /\/libpod-(conmon-)?([0-9a-f]{64})(?:\.scope)?$/.exec(path);
    if (match === null) return undefined;
    return match[1] === undefined ? { id: match[2]!, certain: true } : 'monitor';
  },
};
