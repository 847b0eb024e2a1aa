import type { Rule } from '../../../../kernel/contracts/index.js';
import { at, changeLines, percentText } from './text.js';

const NEAR = 0.9;
const MAX_FILES = 'max_open_files';

export const pidsNearLimit: Rule = {
  id: 'pids-near-limit',
  title: 'processes and threads against the pids limit',
  scope: 'containers',
  needs: [{ anyOf: ['processes.threads_max'], sources: ['process'] }],
  precondition: { anyAboveZero: ['processes.threads_max'] },
  help: 'Processes and threads of the container together are 90 % of its limit (`pids.max`) or more.',
  judge(subject) {
    const max = subject.latest('processes.threads_max');
    if (!(max > 0)) return undefined;
    const current = subject.latest('processes.threads_current');
    const share = current / max;
    if (!(share >= NEAR)) return undefined;
    return {
      harm: share >= 1 ? 88 : 70,
      what: `${share >= 1 ? 'at' : 'near'} its limit of ${max} processes and threads`,
      meaning: 'It cannot start another one: fork fails with "Resource temporarily unavailable".',
      evidence: [
        at(subject.now, `${current} of ${max} processes and threads (${percentText(share)})`, { current, limit: max }),
      ],
      mend: 'Raise the limit, or find what starts so many or does not wait for its children (zombies count).',
      lines: changeLines(subject, { pids: max * 2 }),
    };
  },
};

export const descriptorsNearLimit: Rule = {
  id: 'descriptors-near-limit',
  title: 'open files and sockets against their limit',
  scope: 'containers',
  needs: [
    { anyOf: ['processes.fd_count'], sources: ['process'] },
    { anyOf: ['processes.ulimit.soft'], sources: ['process'] },
  ],
  precondition: { anyAboveZero: ['processes.fd_count'] },
  help:
    'The processes of the container have on average 90 % or more of the files open that the first one may open ' +
    '(`ulimit -n`); sockets are open files too. One process of many that is near its limit is not seen.',
  judge(subject) {
    const limit = subject.latestOf('processes.ulimit.soft').find(({ labels }) => labels[0] === MAX_FILES)?.value ?? 0;
    if (!(limit > 0)) return undefined;
    const files = subject.latest('processes.fd_count');
    const sockets = subject.latest('processes.socket_count');
    const processes = Math.max(1, subject.latest('processes.process_count'));
    const share = files / processes / limit;
    if (!(share >= NEAR)) return undefined;
    const ofThem = Number.isNaN(sockets) ? '' : `, ${sockets} of them sockets`;
    const text = `${files} files open${ofThem}, in ${processes} processes that may open ${limit} each (${percentText(share)})`;
    const { namespace, aliases } = subject.description;
    const runs = namespace === 'docker' || namespace === 'podman';
    return {
      harm: share >= 0.999 ? 85 : 65,
      what: `near its limit of ${limit} open files`,
      meaning: 'It cannot open another file or accept another connection: "Too many open files".',
      evidence: [
        at(subject.now, text, { open_files: files, processes, limit, ...(!Number.isNaN(sockets) && { sockets }) }),
      ],
      mend: 'Raise the limit (the container must be made anew for it), or find what is not closed.',
      lines: runs
        ? [
            { tool: namespace, line: `${namespace} run --ulimit nofile=${limit * 4} …` },
            { tool: 'compose', line: `services: { ${aliases[0]}: { ulimits: { nofile: ${limit * 4} } } }` },
          ]
        : subject.name.endsWith('.service')
          ? [{ tool: 'systemd', line: `LimitNOFILE=${limit * 4}` }]
          : [],
    };
  },
};
