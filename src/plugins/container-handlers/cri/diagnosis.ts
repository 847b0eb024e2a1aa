import type { EngineReport, Finding, PluginContext } from '../../../kernel/contracts/index.js';
import { isDenied, isVisible, socketAdmission } from '../common/index.js';
import { WELL_KNOWN } from './options.js';

/** Problems of the connection to the runtime. Its absence is one only where a socket is configured. */
export function diagnose(
  reports: readonly EngineReport[],
  { id: plugin }: Pick<PluginContext, 'id'>,
  sockets: readonly string[],
): Finding[] {
  const isDefault = sockets.map((path) => `unix://${path}`).join() === WELL_KNOWN.join();
  return reports.flatMap(({ endpoint, info, reason = '' }) => {
    if (info !== undefined) return [];
    const what = `no Container Runtime Interface can be asked: ${reason}`;
    const effect = 'Pods and their containers have no names, labels, images or states.';
    const severity = isDefault ? 'info' : 'error';
    if (isDenied(reason)) {
      const path = /unix:\/\/(\S+?):? /.exec(`${reason} `)?.[1] ?? endpoint;
      if (isDefault && !isVisible(path)) return [];
      const mend = `${socketAdmission(path)}; without Kubernetes: plugins: [{ use: ${plugin}, enabled: false }]`;
      return [{ id: 'cri-denied', severity, what, effect, mend }];
    }
    const isAbsent = /\(ENOENT\)|does not serve/.test(reason);
    if (isAbsent && isDefault) return [];
    const mend = isAbsent
      ? `set endpoint of the plugin ${plugin} to the socket of the runtime, or without Kubernetes: plugins: [{ use: ${plugin}, enabled: false }]`
      : 'restart the runtime: systemctl restart containerd (or crio, cri-docker)';
    return [{ id: isAbsent ? 'cri-absent' : 'cri-unreachable', severity: 'error', what, effect, mend }];
  });
}
