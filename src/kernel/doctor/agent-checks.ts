import { readlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { KnownCgroups } from '../containers/index.js';
import {
  type AgentSelf,
  type Clock,
  type Finding,
  type HostPaths,
  readText,
  type SinkStatus,
} from '../contracts/index.js';
import type { ActivePlugins } from '../supervision/index.js';

/** Clock differences up to this are drift, ms. */
const MAX_DRIFT_MS = 1_000;
/** How long a clock jump is reported, ms. */
const JUMP_REPORT_MS = 3_600_000;
/** Ratio of used inotify watches at which the limit should be raised. */
const WARNING_RATIO = 0.8;

/** The agent's inotify watches, and whether it needs more. */
export type WatchUse = Pick<KnownCgroups, 'watchCount' | 'watchesExhausted'>;

export function watchFinding(
  paths: HostPaths,
  { watchCount: watches, watchesExhausted: exhausted }: WatchUse,
): Finding | undefined {
  const limit = Number(readText(join(paths.proc, 'sys/fs/inotify/max_user_watches')) ?? Number.NaN);
  const isNear = Number.isFinite(limit) && watches > limit * WARNING_RATIO;
  if (!exhausted && !isNear) return undefined;
  const wanted = Math.max(524_288, 2 ** Math.ceil(Math.log2(watches * 4 + 1)));
  const instances = Number(readText(join(paths.proc, 'sys/fs/inotify/max_user_instances')) ?? Number.NaN);
  // The agent uses one instance: without any watch the instances are used up.
  const setting =
    exhausted && watches === 0
      ? `fs.inotify.max_user_instances=${Math.max(1024, instances * 2 || 0)}`
      : `fs.inotify.max_user_watches=${wanted}`;
  return {
    id: 'inotify',
    severity: exhausted ? 'warning' : 'info',
    what: exhausted
      ? `the kernel gives this user no more inotify watches (${watches} are in use by the agent, ${limit} allowed)`
      : `${watches} of the ${limit} inotify watches of this user are in use by the agent`,
    effect: exhausted
      ? 'New containers are found seconds late.'
      : 'Once they are used up, new containers are found late.',
    mend: `sysctl -w ${setting} && echo ${setting} > /etc/sysctl.d/60-tallyman.conf`,
  };
}

/** Waiting batches, and age of the oldest, from which a delivering sink counts as too slow. */
const BEHIND_BATCHES = 10;
const BEHIND_SECONDS = 120;

/** What sinks cannot deliver. @param nowUs since the epoch */
export function sinkFindings(plugins: Pick<ActivePlugins, 'of'>, nowUs: number): Finding[] {
  return plugins.of('sink').flatMap(({ record }) => {
    const status = record.delivery?.();
    return status === undefined ? [] : findingsOf(record.id, status, nowUs);
  });
}

function findingsOf(
  id: string,
  { failure, queue, dropped, attempts, attemptMs }: SinkStatus,
  nowUs: number,
): Finding[] {
  const mend = `tallyman sink test ${id}`;
  const findings: Finding[] = [];
  const waitsSeconds = queue.oldest === undefined ? 0 : Math.round((nowUs - queue.oldest) / 1e6);
  const waiting = `${queue.points} data points wait, the oldest for ${waitsSeconds} s (${queue.bytes} of ${queue.maxBytes} bytes)`;
  if (failure !== undefined) {
    const isFull = (dropped.queue_full ?? 0) > 0;
    findings.push({
      id: 'sink-failing',
      severity: isFull ? 'error' : 'warning',
      what: `the sink ${id} cannot deliver: ${failure}`,
      effect: isFull ? `The oldest data points are lost; ${waiting}.` : `Numbers arrive late; ${waiting}.`,
      mend,
    });
  } else if (queue.batches >= BEHIND_BATCHES && waitsSeconds >= BEHIND_SECONDS) {
    const requestMs = Math.round(attemptMs / Math.max(attempts, 1));
    findings.push({
      id: 'sink-behind',
      severity: 'warning',
      what: `the sink ${id} delivers slower than samples come: a request takes ${requestMs} ms`,
      effect: `Numbers arrive late; ${waiting}.`,
      mend: `with: { concurrency: 4 } for the plugin ${id}`,
    });
  }
  const reasons = Object.entries(dropped).filter(([, points]) => points > 0);
  if (reasons.length > 0) {
    findings.push({
      id: 'sink-dropped',
      severity: 'warning',
      what: `the sink ${id} dropped data points since the agent started: ${reasons.map(([reason, points]) => `${points} ${reason.replaceAll('_', ' ')}`).join(', ')}`,
      effect: 'They are lost; the log has the reasons, and what the receiver says.',
      mend,
    });
  }
  if (queue.diskError !== undefined) {
    findings.push({
      id: 'sink-disk',
      severity: 'warning',
      what: `the sink ${id} cannot keep batches in ${queue.directory}: ${queue.diskError}`,
      effect: 'They are kept in memory and lost with a restart.',
      mend: `df ${queue.directory}; ls -ld ${queue.directory}`,
    });
  }
  return findings;
}

export function descriptorFinding({ kept, reopened }: AgentSelf['descriptors']): Finding | undefined {
  if (reopened === 0) return undefined;
  const wanted = 2 ** Math.ceil(Math.log2((kept + reopened) * 1.5 + 512));
  return {
    id: 'descriptors',
    severity: 'warning',
    what: `${reopened} cgroup files are opened anew for each read, as the limit of open files allows no more than ${kept}`,
    effect: 'A sample costs about twice the CPU time.',
    mend: `LimitNOFILE=${wanted} in the [Service] section of the unit, or ulimit -n ${wanted} before the start`,
  };
}

export function logFinding({ lost, failure }: AgentSelf['log']): Finding | undefined {
  if (failure === undefined) return undefined;
  const file = ownOutput();
  return {
    id: 'log-lost',
    severity: 'error',
    what: `the log cannot be written${file === undefined ? '' : ` to ${file}`}: ${failure}; ${lost} lines are lost so far`,
    effect: 'What happens is not recorded. Everything else goes on.',
    mend: `df -h ${file ?? '/var/log'}, and make room; what was lost is counted in the log then`,
  };
}

/** The file of standard error; `undefined`: none or unknown. */
function ownOutput(): string | undefined {
  try {
    const target = readlinkSync('/proc/self/fd/2');
    return target.startsWith('/') ? target : undefined;
  } catch {
    return undefined;
  }
}

/** Detects that the system clock was set, or that the host was suspended. */
export class ClockWatch {
  private offset: number;
  private jump: { readonly by: number; readonly at: number } | undefined;

  constructor(private readonly clock: Clock) {
    this.offset = this.currentOffset();
  }

  check(): void {
    const offset = this.currentOffset();
    const by = offset - this.offset;
    this.offset = offset;
    if (Math.abs(by) > MAX_DRIFT_MS) this.jump = { by, at: this.clock.monotonic() };
  }

  finding(): Finding | undefined {
    const { jump } = this;
    if (jump === undefined || this.clock.monotonic() - jump.at > JUMP_REPORT_MS) return undefined;
    const seconds = Math.round(Math.abs(jump.by) / 100) / 10;
    return {
      id: 'clock-jump',
      severity: 'warning',
      what: `the system clock jumped ${seconds} s ${jump.by > 0 ? 'forward' : 'back'} within the last hour`,
      effect:
        jump.by > 0
          ? 'Rates over that moment are too low, and samples seem to be missing.'
          : 'Samples from before are dropped where their times would lie ahead of new ones.',
      mend: 'systemctl enable --now chrony (or systemd-timesyncd), which slews the clock instead of setting it',
    };
  }

  private currentOffset(): number {
    return this.clock.now() / 1000 - this.clock.monotonic();
  }
}
