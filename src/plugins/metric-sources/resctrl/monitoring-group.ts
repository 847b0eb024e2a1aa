import { existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { codeOf, isGone, messageOf, readNames } from '../../../kernel/contracts/index.js';

const PREFIX = 'tallyman-';
/** Characters that are replaced in file names. */
const INVALID_CHARACTERS = /[^\w.-]+/g;

/** A group of tasks below `mon_groups` with its own hardware counters. */
export class MonitoringGroup {
  private constructor(readonly directory: string) {}

  /**
   * Creates the group of a container, or uses the one that an earlier agent left.
   * @throws Error that says what to do
   */
  static create(root: string, container: string): MonitoringGroup {
    const directory = join(root, 'mon_groups', `${PREFIX}${container.slice(1).replace(INVALID_CHARACTERS, '-')}`);
    try {
      mkdirSync(directory);
    } catch (error) {
      const code = codeOf(error);
      if (code === 'ENOSPC') throw new Error('the processor can count no more groups of tasks apart (num_rmids)');
      if (code !== 'EEXIST') throw new Error(`no monitoring group can be made: ${messageOf(error)}`);
    }
    return new MonitoringGroup(directory);
  }

  /** Moves all threads of the processes into the group; new threads and children inherit it. */
  addThreads(proc: string, pids: readonly number[]): void {
    for (const pid of pids) {
      for (const thread of readNames(join(proc, String(pid), 'task'))) {
        try {
          // The kernel accepts one thread per write.
          writeFileSync(join(this.directory, 'tasks'), thread, { flag: 'r+' });
        } catch (error) {
          if (!isGone(codeOf(error)) && codeOf(error) !== 'ESRCH') return;
        }
      }
    }
  }

  /** Releases the hardware counter. */
  remove(): void {
    try {
      if (existsSync(this.directory)) rmdirSync(this.directory);
    } catch {
      // Already removed, or resctrl is unmounted.
    }
  }
}
