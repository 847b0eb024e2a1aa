import { isDeepStrictEqual } from 'node:util';
import { type ContainerDescription, type Logger, messageOf } from '../contracts/index.js';
import type { Container, ContainerFacts } from './container.js';

/** Notified of every change, in order: a parent is added before its children and removed after them. */
export interface ContainerObserver {
  added?(container: Container): void;
  removed?(container: Container): void;
  /** The description of the container changed, possibly with its handler. */
  descriptionChanged?(container: Container, previous: ContainerDescription): void;
  /** Directories of the container were added, removed or replaced in some hierarchies; `cgroup` is new. */
  controllersChanged?(container: Container): void;
}

/** Compares names independently of the locale. */
export function compareNames(a: { readonly name: string }, b: { readonly name: string }): number {
  if (a.name === b.name) return 0;
  return a.name < b.name ? -1 : 1;
}

/** All containers. Written by discovery; the other rooms read and observe it. */
export class ContainerStore {
  /** Incremented when a container is added, removed or described differently. */
  revision = 0;
  private readonly containers = new Map<string, Container>();
  private readonly observers: ContainerObserver[] = [];
  private sorted: readonly Container[] | undefined;

  constructor(private readonly logger: Logger) {}

  observe(observer: ContainerObserver): void {
    this.observers.push(observer);
  }

  get size(): number {
    return this.containers.size;
  }

  get(name: string): Container | undefined {
    return this.containers.get(name);
  }

  /** All containers, sorted by name. */
  all(): readonly Container[] {
    this.sorted ??= [...this.containers.values()].sort(compareNames);
    return this.sorted;
  }

  /** The container with this id or alias in a namespace (`docker`). */
  find(namespace: string, id: string): Container | undefined {
    const isNamed = ({ description }: Container) =>
      description.namespace === namespace && (description.id === id || description.aliases.includes(id));
    return this.all().find(isNamed);
  }

  add(container: Container): void {
    this.containers.set(container.name, container);
    this.changed();
    this.notify((observer) => observer.added?.(container));
  }

  remove(container: Container): void {
    if (this.containers.get(container.name) !== container) return;
    this.containers.delete(container.name);
    this.changed();
    this.notify((observer) => observer.removed?.(container));
  }

  describe(container: Container, description: ContainerDescription): void {
    const previous = container.description;
    if (previous === description || isDeepStrictEqual(previous, description)) return;
    container.description = description;
    this.changed();
    this.notify((observer) => observer.descriptionChanged?.(container, previous));
  }

  /** Sets the files after directories were added, removed or replaced. */
  attach(container: Container, facts: Pick<ContainerFacts, 'cgroup' | 'controllers' | 'missing'>): void {
    container.cgroup = facts.cgroup;
    container.controllers = facts.controllers;
    container.missing = facts.missing;
    this.notify((observer) => observer.controllersChanged?.(container));
  }

  private changed(): void {
    this.sorted = undefined;
    this.revision++;
  }

  /** Notifies all observers, even if one throws. */
  private notify(notification: (observer: ContainerObserver) => void): void {
    for (const observer of this.observers) {
      try {
        notification(observer);
      } catch (error) {
        this.logger.error(`an observer of containers failed: ${messageOf(error)}`);
      }
    }
  }
}
