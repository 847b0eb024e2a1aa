import type { CgroupFiles, ContainerDescription, Controller, ProbeTarget } from '../contracts/index.js';

/** A place in every container's record for the data of one room. */
export class Slot<T> {
  declare readonly type: T;

  /** @param name of the room, for debugging */
  constructor(readonly name: string) {}
}

/** A controller that a container lacks, and why. */
export interface MissingController {
  readonly what: string;
  readonly reason: string;
}

/** The members of a container that discovery sets. */
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
  readonly missing: readonly MissingController[];
  /** When the agent first saw the cgroup, µs since the epoch. */
  readonly firstSeenAt: number;
}

/**
 * The record of a cgroup that a handler accepted, from its creation to its removal. Discovery updates the facts;
 * every other room has a slot.
 */
export class Container implements ContainerFacts, ProbeTarget {
  readonly name: string;
  readonly isRoot: boolean;
  readonly firstSeenAt: number;
  description: ContainerDescription;
  handlerId: string;
  cgroup: CgroupFiles;
  controllers: ReadonlySet<Controller>;
  missing: readonly MissingController[];
  private readonly slots = new Map<Slot<unknown>, unknown>();

  constructor(facts: ContainerFacts) {
    this.name = facts.name;
    this.isRoot = facts.name === '/';
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

  /** The value of the slot, created at the first call. */
  ensure<T>(slot: Slot<T>, create: () => T): T {
    let value = this.get(slot);
    if (value === undefined) {
      value = create();
      this.slots.set(slot, value);
    }
    return value;
  }
}
