import type { EngineReport, Finding } from '../../../kernel/contracts/index.js';
import { isDenied, isOnHost, isVisible, socketAdmission } from '../common/index.js';
import type { ContainerdDaemon } from './daemon.js';

/** Cgroups that one finding lists. */
const MAX_SHOWN = 3;

/** Who asks containerd, and from where. */
export interface DiagnosisContext {
  readonly plugin: string;
  readonly root: string;
  /** Whether the socket is that of a default configuration: it need not be there. */
  readonly optional: boolean;
}

export function diagnose(report: EngineReport, daemon: ContainerdDaemon, context: DiagnosisContext): Finding[] {
  const away = report.info === undefined && daemon.state !== 'up' ? unreachable(report, context) : [];
  return [...away, ...contested(daemon, context.plugin)];
}

function unreachable({ endpoint, reason = '' }: EngineReport, { plugin, root, optional }: DiagnosisContext): Finding[] {
  const what = `containerd cannot be asked: ${reason}`;
  const effect = 'Its containers have no names, labels, images or states.';
  const finding = (kind: string, severity: Finding['severity'], mend: string): Finding[] => [
    { id: `containerd-${kind}`, severity, what, effect, mend },
  ];
  const path = endpoint.replace(/^unix:\/\//, '');
  const elsewhere = `set endpoint of the plugin ${plugin}`;
  if (isDenied(reason)) {
    if (optional && !isVisible(path)) return [];
    const without = `where only Docker uses it: plugins: [{ use: ${plugin}, enabled: false }]`;
    return finding('denied', optional ? 'info' : 'error', `${socketAdmission(path)}; ${without}`);
  }
  if (/\(ENOENT\)/.test(reason)) {
    if (isOnHost(path, root)) return finding('absent', 'warning', `docker run --volume=${path}:${path}:ro …`);
    if (optional) return [];
    return finding(
      'absent',
      'error',
      `start the containerd that listens on ${endpoint}, or ${elsewhere} to where it does`,
    );
  }
  const mend = `systemctl restart containerd; when something else listens there, ${elsewhere}`;
  return finding('unreachable', 'error', mend);
}

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
