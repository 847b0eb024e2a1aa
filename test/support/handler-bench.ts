import { readFileSync } from 'node:fs';
import type {
  AgentView,
  ContainerDescription,
  ContainerHandler,
  Identification,
  LinuxHost,
  PluginContext,
} from '../../src/kernel/contracts/index.js';
import { until, wallClock } from './discovery.js';

/** A line a handler logged. */
export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly message: string;
}

/** The services a handler gets, with a real clock and real timers, and the log kept. */
export function pluginContext(): PluginContext & {
  readonly log: LogLine[];
  /** Label → directory, as told to the host. */
  readonly labelled: ReadonlyMap<string, string>;
  dispose(): void;
} {
  const log: LogLine[] = [];
  const labelled = new Map<string, string>();
  const labelFilesystem = (label: string, directory: string) => void labelled.set(label, directory);
  const stops = new Set<() => void>();
  const abort = new AbortController();
  const logAt = (level: LogLine['level']) => (message: string) => {
    log.push({ level, message });
  };
  const keep = (clear: () => void): (() => void) => {
    const stop = () => {
      clear();
      stops.delete(stop);
    };
    stops.add(stop);
    return stop;
  };
  return {
    id: 'docker',
    log,
    labelled,
    logger: { debug: logAt('debug'), info: logAt('info'), warn: logAt('warn'), error: logAt('error') },
    clock: wallClock,
    timers: {
      every(milliseconds, callback) {
        if (abort.signal.aborted) return () => {};
        const timer = setInterval(() => void callback(), milliseconds);
        return keep(() => clearInterval(timer));
      },
      after(milliseconds, callback) {
        if (abort.signal.aborted) return () => {};
        const timer = setTimeout(() => {
          stop();
          void callback();
        }, milliseconds);
        const stop = keep(() => clearTimeout(timer));
        return stop;
      },
    },
    signal: abort.signal,
    linux: { procText: (path: string) => readText(`/proc/${path}`), labelFilesystem } as LinuxHost,
    agent: {} as AgentView,
    dispose() {
      abort.abort();
      for (const stop of [...stops]) stop();
    },
  };
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

/** Stands for the container registry: asks a handler about paths, again whenever the handler says so. */
export class HandlerBench {
  readonly handler: ContainerHandler;
  /** The last verdict on each watched path. */
  readonly verdicts = new Map<string, Identification>();
  /** How often each path was to be looked at again. */
  readonly reconsidered = new Map<string, number>();

  constructor(handler: ContainerHandler) {
    this.handler = handler;
  }

  async start(): Promise<void> {
    await this.handler.start?.({
      reconsider: (path) => {
        this.reconsidered.set(path, (this.reconsidered.get(path) ?? 0) + 1);
        this.watch(path);
      },
      reconsiderAll: () => {
        for (const [path, { verdict }] of this.verdicts) if (verdict !== 'pass') this.watch(path);
      },
    });
  }

  /** A cgroup appeared. */
  watch(path: string): Identification {
    const verdict = this.handler.identify(path);
    this.verdicts.set(path, verdict);
    return verdict;
  }

  /** The description under which a path is accepted now. */
  description(path: string): ContainerDescription | undefined {
    const verdict = this.verdicts.get(path);
    return verdict?.verdict === 'accept' ? verdict.description : undefined;
  }

  /** Waits until the path is accepted, and with a description that fits. */
  async accepted(
    path: string,
    fits: (description: ContainerDescription) => boolean = () => true,
  ): Promise<ContainerDescription> {
    await until(
      () => {
        const description = this.description(path);
        return description !== undefined && fits(description);
      },
      () => `${path} is ${JSON.stringify(this.verdicts.get(path))}`,
    );
    return this.description(path)!;
  }
}
