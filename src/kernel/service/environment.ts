/** What a service manager says to a service in its environment; see sd_notify(3), sd_watchdog_enabled(3), sd_listen_fds(3). */
export interface ServiceEnvironment {
  /** Where to send messages, undefined when nobody listens. */
  readonly notifySocket?: string;
  /** Silence after which the manager ends the service, ms; undefined without a watchdog. */
  readonly watchdog?: number;
  /** Descriptors of sockets that already listen. */
  readonly sockets: readonly number[];
}

type Variables = Readonly<Record<string, string | undefined>>;

/** The first descriptor that is passed. */
const LISTEN_FDS_START = 3;
const MOST_SOCKETS = 1024;

/** Reads the variables; those meant for another process or malformed count as not set. */
export function readServiceEnvironment(env: Variables, pid: number): ServiceEnvironment {
  const { NOTIFY_SOCKET: socket = '', WATCHDOG_PID, LISTEN_PID } = env;
  const watchdog = WATCHDOG_PID === undefined || Number(WATCHDOG_PID) === pid ? integer(env.WATCHDOG_USEC) : 0;
  const sockets = Number(LISTEN_PID) === pid ? Math.min(integer(env.LISTEN_FDS), MOST_SOCKETS) : 0;
  return {
    ...(/^[/@]./.test(socket) ? { notifySocket: socket } : {}),
    ...(watchdog > 0 ? { watchdog: watchdog / 1000 } : {}),
    sockets: Array.from({ length: sockets }, (_, index) => LISTEN_FDS_START + index),
  };
}

/** The variables without those, for programs that the agent starts. */
export function withoutServiceVariables(env: Variables): Variables {
  const own = new Set(['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID', 'LISTEN_PID', 'LISTEN_FDS', 'LISTEN_FDNAMES']);
  return Object.fromEntries(Object.entries(env).filter(([name]) => !own.has(name)));
}

function integer(text: string | undefined): number {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : 0;
}
