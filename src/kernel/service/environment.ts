import { join } from 'node:path';

/** The environment variables of a service manager; see sd_notify(3), sd_watchdog_enabled(3), sd_listen_fds(3). */
export interface ServiceEnvironment {
  /** The notification socket; undefined without a service manager. */
  readonly notifySocket?: string;
  /** Watchdog timeout; undefined without a watchdog. */
  readonly watchdogMs?: number;
  /** Descriptors of passed listening sockets. */
  readonly sockets: readonly number[];
}

type Variables = Readonly<Record<string, string | undefined>>;

/** The first passed descriptor. */
const LISTEN_FDS_START = 3;
const MAX_SOCKETS = 1024;

/** Parses the variables; malformed ones and those for another process are ignored. */
export function readServiceEnvironment(env: Variables, pid: number): ServiceEnvironment {
  const { NOTIFY_SOCKET: socket = '', WATCHDOG_PID, LISTEN_PID } = env;
  const watchdogUs = WATCHDOG_PID === undefined || Number(WATCHDOG_PID) === pid ? integer(env.WATCHDOG_USEC) : 0;
  const sockets = Number(LISTEN_PID) === pid ? Math.min(integer(env.LISTEN_FDS), MAX_SOCKETS) : 0;
  return {
    ...(/^[/@]./.test(socket) ? { notifySocket: socket } : {}),
    ...(watchdogUs > 0 ? { watchdogMs: watchdogUs / 1000 } : {}),
    sockets: Array.from({ length: sockets }, (_, index) => LISTEN_FDS_START + index),
  };
}

const SYSTEM_STATE_DIRECTORY = '/var/lib/tallyman';

/** The directory for what survives an agent of this user with this environment; `undefined` when there is none. */
export function stateDirectory(env: Variables): string | undefined {
  const { TALLYMAN_STATE_DIRECTORY: own, STATE_DIRECTORY: service, XDG_STATE_HOME: state, HOME: home } = env;
  if (own) return own;
  if (service) return service.split(':')[0];
  if (process.geteuid?.() === 0) return SYSTEM_STATE_DIRECTORY;
  if (state) return join(state, 'tallyman');
  return home ? join(home, '.local/state/tallyman') : undefined;
}

/** The environment without these variables, for child processes. */
export function withoutServiceVariables(env: Variables): Variables {
  const own = new Set(['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID', 'LISTEN_PID', 'LISTEN_FDS', 'LISTEN_FDNAMES']);
  return Object.fromEntries(Object.entries(env).filter(([name]) => !own.has(name)));
}

function integer(text: string | undefined): number {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : 0;
}
