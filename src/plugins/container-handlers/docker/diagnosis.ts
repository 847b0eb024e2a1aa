import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type EngineInfo, type EngineReport, type Finding, readNames } from '../../../kernel/contracts/index.js';
import { isDenied, isOnHost } from '../common/index.js';

/** Engines before this API version (Docker 1.13, of 2017) report too little about their containers. */
const OLDEST_API = 1.25;
/** Drivers whose writable layers are directories that can be measured. */
const MEASURED = /^(overlay2?|overlayfs|fuse-overlayfs|vfs|aufs)$/;

/** Who asks the engines, and from where. */
export interface DiagnosisContext {
  readonly plugin: string;
  readonly root: string;
  /** The endpoint where none is configured. */
  readonly defaultEndpoint: string;
}

export function diagnose(reports: readonly EngineReport[], context: DiagnosisContext): Finding[] {
  const findings = reports.flatMap((report) => {
    if (report.info === undefined) return [unreachable(report, context)];
    return [...outdated(report, report.info), ...unmeasured(report, report.info)];
  });
  return [...findings, ...rootless(reports, context)];
}

function unreachable({ runtime, endpoint, reason = '' }: EngineReport, context: DiagnosisContext): Finding {
  const { plugin, root, defaultEndpoint } = context;
  const finding = (kind: string, severity: Finding['severity'], mend: string): Finding => ({
    id: `${runtime}-${kind}`,
    severity,
    what: `${runtime} cannot be asked: ${reason}`,
    effect: `Containers of ${runtime} have no names, labels, images or states.`,
    mend,
  });
  const path = endpoint.replace(/^unix:\/\//, '');
  const user = /^\/run\/user\/(\d+)\//.exec(path)?.[1];
  if (isDenied(reason)) return finding('denied', 'error', admission(path, user));
  const systemctl = user === undefined ? 'systemctl' : `as user ${user}: systemctl --user`;
  const elsewhere = `set endpoint of the plugin ${plugin} to where it does`;
  if (/\(ENOENT\)/.test(reason)) {
    if (isOnHost(path, root)) return finding('absent', 'warning', `docker run --volume=${path}:${path}:ro …`);
    if (user !== undefined) {
      const enable = `loginctl enable-linger ${user}; ${systemctl} enable --now ${runtime}.socket`;
      return finding('absent', 'info', `${enable}; or leave ${endpoint} out of the plugin’s endpoint`);
    }
    if (endpoint !== defaultEndpoint) {
      return finding('absent', 'error', `start the engine that listens on ${endpoint}, or ${elsewhere}`);
    }
    const without = `or without ${runtime}: plugins: [{ use: ${plugin}, enabled: false }]`;
    return finding('absent', 'info', `systemctl enable --now ${runtime}.socket, ${without}`);
  }
  const program = runtime === 'docker' ? 'dockerd' : runtime;
  const mend = endpoint.startsWith('unix:')
    ? `${systemctl} restart ${runtime}`
    : `have ${program} on that host listen on ${endpoint} (its option --host), or ${elsewhere}`;
  return finding('unreachable', 'error', mend);
}

/** Docker's socket has a group of its own, Podman's has none, and a user's is in a directory of that user. */
function admission(path: string, user: string | undefined): string {
  if (user !== undefined) {
    const directories = directoriesTo(path).map((directory) => `setfacl -m u:tallyman:x ${directory}`);
    return `as user ${user}: ${directories.join(' && ')} && setfacl -m u:tallyman:rw ${path}; for good: docs/privileges.md`;
  }
  if (/^(\/var)?\/run\/docker\.sock$/.test(path)) {
    return 'tallyman service privileges && systemctl restart tallyman; without the service: run the agent in the group docker';
  }
  if (path === '/run/podman/podman.sock') {
    const [dropIns, own] = ['/usr/lib/tallyman/config/systemd', 'podman.socket.d'];
    return `install -D -m 644 ${dropIns}/${own}/tallyman.conf -t /etc/systemd/system/${own} && systemctl daemon-reload && systemctl restart podman.socket`;
  }
  return `chgrp tallyman ${path} && chmod g+rw ${path}, or run the agent in the group that may`;
}

/** The directories of a user's socket that are the user's own. */
function directoriesTo(socket: string): string[] {
  const parts = socket.split('/').slice(0, -1);
  return parts.map((_, index) => parts.slice(0, index + 1).join('/')).slice(3);
}

function outdated({ runtime, endpoint }: EngineReport, { version, apiVersion }: EngineInfo): Finding[] {
  if (apiVersion === '' || !(versionOf(apiVersion) < versionOf(String(OLDEST_API)))) return [];
  return [
    {
      id: `${runtime}-outdated`,
      severity: 'warning',
      what: `${runtime} ${version} at ${endpoint} speaks API ${apiVersion}, older than ${OLDEST_API}`,
      effect: 'States, health and exit codes of its containers may be missing.',
      mend: `apt-get install --only-upgrade ${runtime === 'docker' ? 'docker-ce' : runtime}`,
    },
  ];
}

/** 1.9 is before 1.25. */
function versionOf(text: string): number {
  const [major = 0, minor = 0] = text.split('.').map(Number);
  return major * 1000 + minor;
}

function unmeasured({ runtime }: EngineReport, { storageDriver, storageStatus }: EngineInfo): Finding[] {
  if (storageDriver === '' || MEASURED.test(storageDriver)) return [];
  const isSnapshotter = storageStatus.some(({ value }) => value.startsWith('io.containerd.snapshotter'));
  const driver = isSnapshotter ? 'overlayfs' : runtime === 'podman' ? 'overlay' : 'overlay2';
  const kind = isSnapshotter ? 'snapshotter' : 'storage driver';
  return [
    {
      id: `${runtime}-storage`,
      severity: 'info',
      what: `the ${kind} of ${runtime}, ${storageDriver}, does not tell where a container’s writable layer is`,
      effect: `Containers of ${runtime} have no disk usage.`,
      mend:
        runtime === 'podman'
          ? `driver = "${driver}" in the [storage] section of /etc/containers/storage.conf`
          : `"storage-driver": "${driver}" in /etc/docker/daemon.json, then systemctl restart docker; images and containers are to be made anew`,
    },
  ];
}

/** Engines of users that are not configured. */
function rootless(reports: readonly EngineReport[], { plugin, root }: DiagnosisContext): Finding[] {
  const [runtime] = reports.map((report) => report.runtime);
  const asked = reports.map(({ endpoint }) => endpoint);
  if (runtime === undefined) return [];
  const name = runtime === 'podman' ? 'podman/podman.sock' : `${runtime}.sock`;
  const sockets = readNames(join(root, 'run/user'))
    .filter((user) => /^\d+$/.test(user))
    .map((user) => `/run/user/${user}/${name}`)
    .filter((path) => existsSync(join(root, path)) && !asked.includes(`unix://${path}`));
  return sockets.length === 0
    ? []
    : [
        {
          id: `${runtime}-rootless`,
          severity: 'info',
          what: `${runtime} also runs for users, at ${sockets.join(' and ')}`,
          effect: 'Containers of those users have no names.',
          mend: `plugins: [{ use: ${plugin}, with: { endpoint: [${[...asked, ...sockets.map((path) => `unix://${path}`)].join(', ')}] } }]`,
        },
      ];
}
