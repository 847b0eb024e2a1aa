import type { CgroupNode, Hierarchies, Lack } from '../containers/index.js';
import type { Controller } from '../contracts/index.js';
import { controllersIn } from '../linux/index.js';

export class ControllerReader {
  /** v2: the controllers that can be enabled; others (`cpuacct`) are always available. */
  private switchable: ReadonlySet<string> | undefined;
  /** Sets shared by containers with the same controllers. */
  private readonly sets = new Map<string, ReadonlySet<Controller>>();

  constructor(private readonly hierarchies: Hierarchies) {}

  of(node: CgroupNode): ReadonlySet<Controller> {
    const controllers = this.hierarchies.mounts.flatMap((mount, index) =>
      node.inodes[index] === 0 ? [] : mount.controllers,
    );
    if (this.hierarchies.version === 1) return this.set(controllers);
    const [mount] = this.hierarchies.mounts;
    if (mount === undefined) return this.set([]);
    this.switchable ??= controllersIn(mount.path);
    const enabled = controllersIn(node.name === '/' ? mount.path : mount.path + node.name);
    if (enabled === undefined) return this.set(controllers);
    return this.set(controllers.filter((name) => enabled.has(name) || this.switchable?.has(name) === false));
  }

  missing(present: ReadonlySet<Controller>): readonly Lack[] {
    return this.hierarchies.mounts.flatMap(({ controllers, path }) => {
      const reason =
        this.hierarchies.version === 1
          ? `the cgroup has no directory in ${path}`
          : "not enabled in the parent's cgroup.subtree_control";
      return controllers.filter((name) => !present.has(name)).map((what) => ({ what, reason }));
    });
  }

  private set(controllers: readonly Controller[]): ReadonlySet<Controller> {
    const key = controllers.join();
    let set = this.sets.get(key);
    if (set === undefined) {
      set = new Set(controllers);
      this.sets.set(key, set);
    }
    return set;
  }
}
