import type { CgroupFiles, ContainerDescription, Controller } from '../contracts/index.js';

/** A place on every container's record for what one room keeps of it. */
export class Slot<T> {
  declare readonly type: T;

  /** @param name of the room, for whoever looks at a record in a debugger */
  constructor(readonly name: string) {}
}

/** Something a container lacks, and why. */
export interface Lack {
  readonly what: string;
  readonly reason: string;
}

/** What discovery knows of a container. */
export interface ContainerFacts {
  /** Absolute cgroup path, `/` first. */
  readonly name: string;
  readonly description: ContainerDescription;
  /** Id of the handler that accepted it. */
  readonly handlerId: string;
  readonly cgroup: CgroupFiles;
  /** Controllers whose hierarchy has a directory of this container (v2: controllers enabled for it). */
  readonly controllers: ReadonlySet<Controller>;
  /** Controllers of the host that this container lacks. */
  readonly missing: readonly Lack[];
  /** When the agent first saw the cgroup, µs since the epoch. */
  readonly firstSeenAt: number;
}

/**
 * A cgroup that a handler accepted: the one record of it, from its coming to its going. Discovery keeps the facts
 * current; every other room has a slot.
 */
export class Container implements ContainerFacts {
  readonly name: string;
  readonly firstSeenAt: number;
  description: ContainerDescription;
  handlerId: string;
  cgroup: CgroupFiles;
  controllers: ReadonlySet<Controller>;
  missing: readonly Lack[];
  private readonly slots = new Map<Slot<unknown>, unknown>();

  constructor(facts: ContainerFacts) {
    this.name = facts.name;
    this.firstSeenAt = facts.firstSeenAt;
    this.description = facts.description;
    this.handlerId = facts.handlerId;
    this.cgroup = facts.cgroup;
    this.controllers = facts.controllers;
    this.missing = facts.missing;
  }

  get<T>(slot: Slot<T>): T | undefined {
    return this.slots.get(slot) as T | undefined;
  }

  set<T>(slot: Slot<T>, value: T): void {
    this.slots.set(slot, value);
  }

  /** What the slot holds, made when it is first asked for. */
  ensure<T>(slot: Slot<T>, create: () => T): T {
    let value = this.get(slot);
    if (value === undefined) {
      value = create();
      this.slots.set(slot, value);
    }
    return value;
  }
}
