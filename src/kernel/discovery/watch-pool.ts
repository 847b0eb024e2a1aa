import { watch } from 'node:fs';
import type { DirectoryWatch } from '../containers/index.js';
import { codeOf, type Logger, messageOf } from '../contracts/index.js';

/**
 * Watches one directory, not what is below it.
 * @throws a system error: `ENOSPC` and `EMFILE` mean that the kernel's inotify limits are used up
 */
export type WatchDirectory = (
  path: string,
  onEvent: (type: string, name: string | null) => void,
  onError: (error: unknown) => void,
) => DirectoryWatch;

/** Watches by inotify. All of them share one inotify instance of the process. */
export const watchByInotify: WatchDirectory = (path, onEvent, onError) => {
  const watcher = watch(path, onEvent);
  watcher.on('error', onError);
  return watcher;
};

const VANISHED = new Set(['ENOENT', 'ENODEV', 'ENOTDIR']);

/**
 * Creates directory watches until the kernel allows no more. It is then `exhausted`, logs that once, and creates none
 * until a trial (`beginTrial` … `endTrial`) succeeded.
 */
export class WatchPool {
  private state: 'watching' | 'exhausted' | 'trying' = 'watching';

  /**
   * @param sweepSeconds interval of sweeps, for the message
   * @param status where `watchesExhausted` is published
   */
  constructor(
    private readonly watchDirectory: WatchDirectory,
    private readonly logger: Logger,
    private readonly sweepSeconds: number,
    private readonly status: { watchesExhausted: boolean },
  ) {}

  get exhausted(): boolean {
    return this.state === 'exhausted';
  }

  /** @returns undefined when the directory was removed or no watch is available */
  add(path: string, onEvent: (type: string, name: string | null) => void): DirectoryWatch | undefined {
    if (this.exhausted) return undefined;
    try {
      return this.watchDirectory(path, onEvent, (error) => this.onError(path, error));
    } catch (error) {
      if (!VANISHED.has(codeOf(error) ?? '')) this.exhaust(path, error);
      return undefined;
    }
  }

  /** Lets `add` try again without another warning. */
  beginTrial(): void {
    if (!this.exhausted) return;
    this.state = 'trying';
    this.status.watchesExhausted = false;
  }

  endTrial(): void {
    if (this.state !== 'trying') return;
    this.state = 'watching';
    this.logger.info('all cgroup directories are watched again: new cgroups are found at once');
  }

  private onError(path: string, error: unknown): void {
    this.logger.warn(`the watch of ${path} failed: ${messageOf(error)}; changes there are found by the next rescan`);
  }

  private exhaust(path: string, error: unknown): void {
    if (this.state === 'watching') {
      const { cause, mend } = explain(error);
      this.logger.warn(
        `cannot watch ${path}: ${cause}; from now on new and removed cgroups are looked for every ${this.sweepSeconds} s. ${mend}`,
      );
    }
    this.state = 'exhausted';
    this.status.watchesExhausted = true;
  }
}

function explain(error: unknown): { cause: string; mend: string } {
  switch (codeOf(error)) {
    case 'ENOSPC':
      return {
        cause: "this user's inotify watches are used up (fs.inotify.max_user_watches)",
        mend: 'Raise the limit: sysctl -w fs.inotify.max_user_watches=524288 (and in /etc/sysctl.d/ to keep it)',
      };
    case 'EMFILE':
    case 'ENFILE':
      return {
        cause: "this user's inotify instances (fs.inotify.max_user_instances) or the process's open files are used up",
        mend: 'Raise the limit: sysctl -w fs.inotify.max_user_instances=1024 (and in /etc/sysctl.d/ to keep it), or LimitNOFILE= of the service',
      };
    default:
      return { cause: messageOf(error), mend: 'Watching is tried again after each look' };
  }
}
