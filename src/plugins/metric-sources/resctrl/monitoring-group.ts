import { existsSync, mkdirSync, readdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { codeOf, isGone, messageOf } from '../../../kernel/contracts/index.js';

const PREFIX = 'tallyman-';
/** What a file name may have; the kernel refuses `/`, and reserves names with a dot in front. */
const UNFIT = /[^\w.-]+/g;

/** A group of tasks that the hardware counts apart, below `mon_groups`. */
export class MonitoringGroup {
  private constructor(readonly directory: string) {}

  /**
   * Makes the group of a container, or takes the one that an earlier agent left.
   * @throws Error that says what to do
   */
  static create(root: string, container: string): MonitoringGroup {
    const directory = join(root, 'mon_groups', `${PREFIX}${container.slice(1).replace(UNFIT, '-')}`);
    try {
      mkdirSync(directory);
    } catch (error) {
      const code = codeOf(error);
      if (code === 'ENOSPC') throw new Error('the processor can count no more groups of tasks apart (num_rmids)');
      if (code !== 'EEXIST') throw new Error(`no monitoring group can be made: ${messageOf(error)}`);
    }
    return new MonitoringGroup(directory);
  }

  /** Moves all threads of the processes into the group; new threads and children follow by themselves. */
  take(proc: string, pids: readonly number[]): void {
    for (const pid of pids) {
      for (const thread of threadsOf(proc, pid)) {
        try {
          // The kernel takes one thread at a write.
          writeFileSync(join(this.directory, 'tasks'), thread, { flag: 'r+' });
        } catch (error) {
          if (!isGone(codeOf(error)) && codeOf(error) !== 'ESRCH') return;
        }
      }
    }
  }

  /** Gives the hardware's counter back. Its tasks are counted with everybody else's then. */
  remove(): void {
    try {
      if (existsSync(this.directory)) rmdirSync(this.directory);
    } catch {
      // It is gone, or resctrl is unmounted.
    }
  }
}

function threadsOf(proc: string, pid: number): readonly string[] {
  try {
    return readdirSync(join(proc, String(pid), 'task'));
  } catch {
    return [];
  }
}
