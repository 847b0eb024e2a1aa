import type { EngineReport, Finding } from '../../../kernel/contracts/index.js';
import { isDenied, isOnHost, isVisible, socketAdmission } from '../common/index.js';
import type { ContainerdDaemon } from './daemon.js';

/** Cgroups that one finding lists. */
const MAX_SHOWN = 3;

/** Who asks containerd, and from where. */
export interface DiagnosisContext {
  /** Id of the plugin. */
  readonly plugin: string;
  /** The host's root directory. */
  readonly root: string;
  /** Whether the socket is that of a default configuration: it need not be there. */
  readonly optional: boolean;
}

export function diagnose(report: EngineReport, daemon: ContainerdDaemon, context: DiagnosisContext): Finding[] {
  const away = report.info === undefined && daemon.state !== 'up' ? unreachable(report, context) : [];
  return [...away, ...contested(daemon, context.plugin)];
}

function unreachable({ endpoint, reason = '' }: EngineReport, { plugin, root, optional }: DiagnosisContext): Finding[] {
  const path = endpoint.replace(/^unix:\/\//, '');
  const what = `containerd cannot be asked: ${reason}`;
  const effect = 'Its containers have no names, labels, images or states.';
  const found = { what, effect };
  if (isDenied(reason)) {
    if (optional && !isVisible(path)) return [];
    const mend = `${socketAdmission(path)}; where only Docker uses it: plugins: [{ use: ${plugin}, enabled: false }]`;
    return [{ id: 'containerd-denied', severity: optional ? 'info' : 'error', ...found, mend }];
  }
  if (/\(ENOENT\)/.test(reason)) {
    if (isOnHost(path, root)) {
      const mend = `docker run --volume=${path}:${path}:ro …`;
      return [{ id: 'containerd-absent', severity: 'warning', ...found, mend }];
    }
    if (optional) return [];
    const mend = `start the containerd that listens on ${endpoint}, or set endpoint of the plugin ${plugin} to where it does`;
    return [{ id: 'containerd-absent', severity: 'error', ...found, mend }];
  }
  const mend = `systemctl restart containerd; when something else listens there, set endpoint of the plugin ${plugin}`;
  return [{ id: 'containerd-unreachable', severity: 'error', ...found, mend }];
}

/** Cgroups that several containers of containerd claim. */
function contested(daemon: ContainerdDaemon, plugin: string): Finding[] {
  const all = daemon.knowledge.claims.contested().map(({ path, keys }) => `${path} (${keys.join(', ')})`);
  if (all.length === 0) return [];
  const more = all.length > MAX_SHOWN ? ` and ${all.length - MAX_SHOWN} more` : '';
  return [
    {
      id: 'containerd-shared-cgroup',
      severity: 'warning',
      what: `several containers claim one cgroup: ${all.slice(0, MAX_SHOWN).join('; ')}${more}`,
      effect: 'The numbers of such a cgroup are those of all of them, and it has the name of one.',
      mend: `start them with cgroups of their own (ctr run --cgroup, nerdctl run --cgroup-parent), or leave a namespace out: plugins: [{ use: ${plugin}, with: { namespaces: [default] } }]`,
    },
  ];
}
