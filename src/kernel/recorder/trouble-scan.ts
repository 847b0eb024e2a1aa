import type { Container, ContainerStore } from '../containers/index.js';
import type { CapsuleReason, Clock, SampleCursor } from '../contracts/index.js';
import type { KernelView } from '../view/index.js';

/** All containers are looked at within so many ticks. */
const TICKS_PER_ROUND = 5;
/** Percent of the last 10 s in which a task waited for memory. */
const MUCH_PRESSURE = 10;
/** A container is asked about by the rules of `why` at most this often, ms. */
const DIAGNOSIS_INTERVAL_MS = 60_000;

interface Listener {
  inTrouble(container: Container): void;
  found(container: Container, reason: CapsuleReason): void;
}

/** Looks at the newest samples for signs of trouble, a part of the containers at each tick. */
export class TroubleScan {
  private readonly oomKills = new WeakMap<Container, number>();
  private readonly diagnosedAt = new WeakMap<Container, number>();
  private readonly cursor = {} as SampleCursor;
  private at = 0;

  constructor(
    private readonly view: KernelView,
    private readonly containers: ContainerStore,
    private readonly clock: Clock,
    private readonly listener: Listener,
  ) {}

  /** @param now monotonic ms */
  tick(now: number): void {
    const all = this.containers.all();
    const count = Math.ceil(all.length / TICKS_PER_ROUND);
    for (let i = 0; i < count; i++) {
      this.at = (this.at + 1) % all.length;
      const container = all[this.at]!;
      if (container.name !== '/' && this.hasSigns(container)) this.follow(container, now);
    }
  }

  private hasSigns(container: Container): boolean {
    if (container.description.state.health?.status === 'unhealthy') return true;
    if (!this.view.newestSample(container, this.cursor)) return false;
    const { layout, values, base } = this.cursor;
    const pressure = layout.indexOf('pressure.memory.some.avg10');
    const oomKills = layout.indexOf('oom.kills');
    if (pressure >= 0 && values[base + pressure]! >= MUCH_PRESSURE) return true;
    if (oomKills < 0) return false;
    const kills = values[base + oomKills]!;
    const before = this.oomKills.get(container) ?? kills;
    this.oomKills.set(container, kills);
    return kills > before;
  }

  /** Only a container with signs of trouble is asked about: the rules look at a minute of samples. */
  private follow(container: Container, now: number): void {
    this.listener.inTrouble(container);
    if (now - (this.diagnosedAt.get(container) ?? Number.NEGATIVE_INFINITY) < DIAGNOSIS_INTERVAL_MS) return;
    this.diagnosedAt.set(container, now);
    const worst = this.view.diagnose(container.name)?.findings[0];
    if (worst?.severity !== 'error') return;
    this.listener.found(container, { kind: 'why', time: this.clock.now(), text: `${worst.rule}: ${worst.what}` });
  }
}
