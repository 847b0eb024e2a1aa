import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { containerNamed } from '../../../test/support/containers.js';
import type { Container } from '../containers/index.js';
import type { ContainerView, ResourceLimits } from '../contracts/index.js';
import { WatchList } from './watch-list.js';

const TICK_MS = 500;

/** A list of containers whose processes take a stated time to read. */
class World {
  private time = 1_000_000;
  /** Names in the order in which they were read. */
  readonly read: string[] = [];
  spentMs = 0;
  private readonly costs = new Map<Container, number>();
  private reading: Container | undefined;
  readonly list = new WatchList(
    {
      processes: async () => {
        const cost = this.costs.get(this.reading!)!;
        this.time += cost;
        this.spentMs += cost;
        this.read.push(this.reading!.name);
        return [];
      },
    },
    { now: () => this.time * 1000, monotonic: () => this.time },
    (container) => {
      this.reading = container;
      return {
        processIds: () => [1],
        limits: () => ({}) as ResourceLimits,
        missing: [],
        has: () => false,
      } as unknown as ContainerView;
    },
  );

  add(name: string, costMs: number): Container {
    const container = containerNamed(name);
    this.costs.set(container, costMs);
    this.list.added(container);
    return container;
  }

  async pass(milliseconds: number): Promise<void> {
    for (const end = this.time + milliseconds; this.time < end; ) await this.tick();
  }

  async tick(): Promise<void> {
    await this.list.tick();
    this.time += TICK_MS;
  }
}

describe('WatchList', () => {
  it('reads a container whose trouble just began at the next tick, whatever was read before', async () => {
    const world = new World();
    for (let i = 0; i < 3; i++) world.list.isInTrouble(world.add(`/expensive${i}`, 50));
    await world.tick();
    world.read.length = 0;
    world.list.isInTrouble(world.add('/troubled', 1));
    await world.tick();
    assert.ok(world.read.includes('/troubled'), world.read.join());
  });

  it('reads a new container although an old one took long to read', async () => {
    const world = new World();
    world.add('/expensive', 50);
    // It was new itself once, and is in turn again after that.
    await world.pass(20_000);
    world.read.length = 0;
    world.add('/new', 1);
    await world.pass(3 * TICK_MS);
    assert.ok(world.read.includes('/new'), world.read.join());
  });

  it('reads containers in trouble every two seconds, and all others in turn', async () => {
    const world = new World();
    for (let i = 0; i < 20; i++) world.add(`/well${i}`, 0.2);
    const troubled = world.add('/troubled', 0.2);
    await world.pass(20_000);
    world.list.isInTrouble(troubled);
    world.read.length = 0;
    await world.pass(20_000);
    const times = (name: string) => world.read.filter((each) => each === name).length;
    assert.ok(times('/troubled') >= 9, String(times('/troubled')));
    for (let i = 0; i < 20; i++) assert.ok(times(`/well${i}`) >= 1, `/well${i}`);
  });

  it('takes at most 3 ms of each second, however many containers are in trouble', async () => {
    const world = new World();
    for (let i = 0; i < 100; i++) world.list.isInTrouble(world.add(`/c${i}`, 1));
    await world.pass(60_000);
    // The first list of each of the 16 that are followed comes on top.
    assert.ok(world.spentMs <= 60 * 3 + 16 + 5, `${world.spentMs} ms in a minute`);
    assert.ok(new Set(world.read).size >= 30, `${new Set(world.read).size} containers`);
  });

  it('takes at most 0.5 ms of each second while all containers are well', async () => {
    const world = new World();
    for (let i = 0; i < 1000; i++) world.add(`/c${i}`, 0.4);
    await world.pass(120_000);
    assert.ok(world.spentMs <= 120 * 0.5 + 2, `${world.spentMs} ms in two minutes`);
    assert.ok(world.read.length >= 100, `${world.read.length} lists`);
  });

  it('never reads the machine, nor a container that was removed', async () => {
    const world = new World();
    world.add('/', 50);
    const removed = world.add('/removed', 1);
    world.list.isInTrouble(removed);
    world.list.removed(removed);
    await world.pass(10_000);
    assert.deepEqual(world.read, []);
  });
});
