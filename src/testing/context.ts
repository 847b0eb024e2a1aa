import type { AgentView, Clock, LinuxHost, Logger, PluginContext } from '../kernel/contracts/index.js';
import { FakeClock, SystemTimers } from './clock.js';

/** A line that a plugin logged. */
export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly message: string;
  readonly details?: Readonly<Record<string, unknown>>;
}

/** The services of a plugin, which record their use. */
export interface TestContext extends PluginContext {
  readonly log: readonly LogLine[];
  /** Errors thrown by its timers. */
  readonly faults: readonly unknown[];
  /** Aborts its signal and stops its timers. */
  dispose(): void;
}

export interface TestContextOptions {
  /** The instance's id; default `test`. */
  readonly id?: string;
  /** Default: a `FakeClock`, which also runs the timers; with another clock timers use real time. */
  readonly clock?: Clock;
  readonly linux?: LinuxHost;
  readonly agent?: AgentView;
}

/** The context that `create` gets. A service that is not given throws when it is used. */
export function testContext(options: TestContextOptions = {}): TestContext {
  const log: LogLine[] = [];
  const faults: unknown[] = [];
  const abort = new AbortController();
  const clock = options.clock ?? new FakeClock();
  const onFault = (error: unknown) => {
    faults.push(error);
  };
  const real = new SystemTimers(onFault);
  return {
    id: options.id ?? 'test',
    logger: loggerInto(log),
    clock,
    timers: clock instanceof FakeClock ? clock.timersFor(onFault) : real,
    signal: abort.signal,
    linux: options.linux ?? absentService<LinuxHost>('linux'),
    agent: options.agent ?? absentService<AgentView>('agent'),
    log,
    faults,
    dispose() {
      abort.abort();
      real.stop();
    },
  };
}

/** A logger that records its lines. */
export function loggerInto(log: LogLine[]): Logger {
  const at = (level: LogLine['level']) => (message: string, details?: Record<string, unknown>) => {
    log.push(details === undefined ? { level, message } : { level, message, details });
  };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

function absentService<T extends object>(name: string): T {
  return new Proxy({} as T, {
    get(_target, member) {
      throw new Error(`the test gave no \`${name}\` to testContext, and the plugin uses ${name}.${String(member)}`);
    },
  });
}
