import { type MendLine, type Rule, type RuleSubject, shellWord } from '../../../../kernel/contracts/index.js';
import { at, durationText } from './text.js';

const LOOP_SPAN_US = 600_000_000;
const MIN_ENDS = 3;

/** What an exit code says, how bad that is, and what to do. */
interface Meaning {
  readonly harm: number;
  readonly text: string;
  readonly mend: string;
}

const READ_LOG = 'Read its last lines of log.';
const EXIT_CODES: Readonly<Record<number, Meaning>> = {
  125: { harm: 75, text: 'the engine could not start it', mend: 'Look at its options: the engine refused them.' },
  126: {
    harm: 75,
    text: 'its command was found and could not be run',
    mend: 'The file needs its execute bit, and a format and interpreter that the image has.',
  },
  127: {
    harm: 75,
    text: 'its command was not found',
    mend: 'Look at command, entrypoint and PATH; a script may name an interpreter that the image lacks.',
  },
  130: { harm: 10, text: 'interrupted (SIGINT)', mend: 'Nothing, if it was interrupted on purpose (Ctrl-C).' },
  134: { harm: 70, text: 'it aborted itself (SIGABRT): an assertion or a corrupt heap', mend: READ_LOG },
  135: { harm: 70, text: 'bad memory access (SIGBUS), often a mapped file on a full disk', mend: READ_LOG },
  136: { harm: 70, text: 'arithmetic error (SIGFPE)', mend: READ_LOG },
  137: {
    harm: 60,
    text: 'killed (SIGKILL): for lack of memory, by `kill -9`, or because it did not stop in time',
    mend: 'If it was stopped on purpose: handle SIGTERM, or give it longer (stop timeout). Else look for OOM kills.',
  },
  139: {
    harm: 75,
    text: 'segmentation fault (SIGSEGV): the program accessed memory that is not its own',
    mend: 'It is a fault of the program or a library: get a core dump, try another version.',
  },
  143: {
    harm: 15,
    text: 'ended on request (SIGTERM)',
    mend: 'Nothing, if it was stopped on purpose; a program that handles SIGTERM ends with 0.',
  },
};

function meaningOf(code: number): Meaning {
  const known = EXIT_CODES[code];
  if (known !== undefined) return known;
  if (code > 128 && code < 193) return { harm: 60, text: `ended by signal ${code - 128}`, mend: READ_LOG };
  return { harm: 55, text: 'the program ended with an error of its own', mend: READ_LOG };
}

/** When the container ended, and with which exit code (−1: unknown), as events tell. */
function endsOf({ events }: RuleSubject, from: number) {
  return events.length === 0 ? events : events.filter(({ type, time }) => type === 'containerDeletion' && time >= from);
}

export const restartLoop: Rule = {
  id: 'restart-loop',
  title: 'restarts',
  scope: 'containers',
  precondition: { incident: true },
  help:
    'The container or unit ended three times or more in the last ten minutes and was started again each time, or its ' +
    'engine waits to restart it after three failures or more.',
  judge(subject) {
    const ends = endsOf(subject, subject.now - LOOP_SPAN_US);
    const { restartCount = 0, state } = subject.description;
    const isWaiting = state.status === 'restarting' && restartCount >= MIN_ENDS;
    if (ends.length < MIN_ENDS && !isWaiting) return undefined;
    const code = state.exitCode ?? ends.at(-1)?.exitCode ?? -1;
    const why = code < 0 ? '' : `, the last time with exit code ${code}: ${meaningOf(code).text}`;
    const count = Math.max(ends.length, isWaiting ? restartCount : 0);
    const start = ends[0]?.time ?? state.startedAt ?? subject.now;
    const text =
      ends.length >= MIN_ENDS
        ? `ended ${ends.length} times in ${durationText((subject.now - start) / 1e6)}${why}`
        : `restarted ${restartCount} times by its engine${why}`;
    return {
      harm: 86 + Math.min(4, count / 5),
      what: 'restarts again and again',
      meaning: 'It does not get to its work, and each start costs time and I/O.',
      evidence: [
        { text, values: { ends: ends.length, restarts: restartCount, exit_code: code }, start, end: subject.now },
      ],
      mend: code > 0 ? meaningOf(code).mend : READ_LOG,
      lines: logLines(subject),
    };
  },
};

export const unhealthy: Rule = {
  id: 'unhealthy',
  title: 'health check',
  scope: 'containers',
  precondition: { incident: true },
  help: 'The health check of the container fails; or it failed three times or more while the container still starts.',
  judge(subject) {
    const { health } = subject.description.state;
    const isStarting = health?.status === 'starting' && health.failingStreak >= MIN_ENDS;
    if (health === undefined || (health.status !== 'unhealthy' && !isStarting)) return undefined;
    const { failingStreak } = health;
    const since = health.earlier?.at(-1)?.until;
    const duration = since === undefined ? '' : `, ${health.status} for ${durationText((subject.now - since) / 1e6)}`;
    return {
      harm: isStarting ? 45 : 80,
      what: isStarting ? 'its health check fails since it started' : 'unhealthy: its health check fails',
      meaning: 'It runs and does not do its work; what depends on it may wait.',
      evidence: [
        {
          text: `the check failed ${failingStreak} times in a row${duration}`,
          values: { failing_streak: failingStreak },
          start: since ?? subject.now,
          end: subject.now,
        },
      ],
      mend: 'See what the check says, and the log.',
      lines: healthLines(subject),
    };
  },
};

export const exitCode: Rule = {
  id: 'exit-code',
  title: 'exit code',
  scope: 'containers',
  precondition: { incident: true },
  help:
    'The container ended with another exit code than 0, or did so in the last hour and runs again. The code is ' +
    'explained: 125 to 127 are of the engine or the shell, 128 + N is signal N.',
  judge(subject) {
    const { state } = subject.description;
    const last = endsOf(subject, 0).at(-1);
    const isOver = subject.container === undefined || state.status === 'exited' || state.status === 'dead';
    const code = (isOver ? state.exitCode : undefined) ?? last?.exitCode ?? -1;
    if (code <= 0) return undefined;
    const { harm, text, mend } = meaningOf(code);
    const time = (isOver ? state.finishedAt : undefined) ?? last?.time ?? subject.now;
    const ago = durationText(Math.max(0, subject.now - time) / 1e6);
    const reason = state.reason === undefined || state.exitCode !== code ? '' : ` (${state.reason})`;
    return {
      harm: isOver ? harm : harm / 2,
      what: `${isOver ? 'ended' : 'its last run ended'} with exit code ${code}: ${text}`,
      meaning: harm < 30 ? 'It was told to end, and did.' : 'It ended before its work was done.',
      evidence: [at(time, `exit code ${code}${reason}, ${ago} ago`, { exit_code: code })],
      mend,
      lines: logLines(subject),
    };
  },
};

function logLines({ name, description: { namespace, aliases, labels } }: RuleSubject): MendLine[] {
  const [alias] = aliases;
  const pod = labels['io.kubernetes.pod.name'];
  if (pod !== undefined) {
    const [namespaceOfPod, container] = [labels['io.kubernetes.pod.namespace'], labels['io.kubernetes.container.name']];
    const line = `kubectl logs --previous -n ${namespaceOfPod} ${pod} -c ${container}`;
    return [{ tool: 'kubernetes', line }];
  }
  if ((namespace === 'docker' || namespace === 'podman') && alias !== undefined) {
    return [{ tool: namespace, line: `${namespace} logs --tail 50 ${shellWord(alias)}` }];
  }
  const unit = name.slice(name.lastIndexOf('/') + 1);
  if (!/\.(service|scope)$/.test(unit)) return [];
  return [{ tool: 'systemd', line: `journalctl -u ${shellWord(unit)} -n 50` }];
}

function healthLines(subject: RuleSubject): MendLine[] {
  const { namespace, aliases } = subject.description;
  if ((namespace !== 'docker' && namespace !== 'podman') || aliases[0] === undefined) return [];
  const line = `${namespace} inspect --format '{{json .State.Health}}' ${shellWord(aliases[0])}`;
  return [{ tool: namespace, line }, ...logLines(subject)];
}
