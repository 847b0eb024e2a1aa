import { isDeepStrictEqual } from 'node:util';
import { type ContainerDescription, type Logger, messageOf } from '../contracts/index.js';
import type { Container, ContainerFacts } from './container.js';

/** Told about every change, in order: a parent is added before its children and removed after them. */
export interface ContainerObserver {
  added?(container: Container): void;
  removed?(container: Container): void;
  /** The same container is described differently, perhaps by another handler. */
  descriptionChanged?(container: Container, previous: ContainerDescription): void;
  /** Directories of the container came, went or were replaced in some hierarchies: `cgroup` is fresh. */
  controllersChanged?(container: Container): void;
}

/** Compares names by bytes, and the same on every host: cgroup names are mostly ASCII. */
export function compareNames(a: { readonly name: string }, b: { readonly name: string }): number {
  if (a.name === b.name) return 0;
  return a.name < b.name ? -1 : 1;
}

/** The containers there are. Discovery puts them in and takes them out; everybody else reads and observes. */
export class ContainerStore {
  /** Grows with every change of which containers there are and what they are called. */
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

  /** The container that a runtime (`docker`) knows under this id or alias. */
  find(namespace: string, id: string): Container | undefined {
    const isNamed = ({ description }: Container) =>
      description.namespace === namespace && (description.id === id || description.aliases.includes(id));
    return this.all().find(isNamed);
  }

  add(container: Container): void {
    this.containers.set(container.name, container);
    this.changed();
    this.tell((observer) => observer.added?.(container));
  }

  remove(container: Container): void {
    if (this.containers.get(container.name) !== container) return;
    this.containers.delete(container.name);
    this.changed();
    this.tell((observer) => observer.removed?.(container));
  }

  /** Takes another description, where it is another one. */
  describe(container: Container, description: ContainerDescription): void {
    const previous = container.description;
    if (previous === description || isDeepStrictEqual(previous, description)) return;
    container.description = description;
    this.changed();
    this.tell((observer) => observer.descriptionChanged?.(container, previous));
  }

  /** Takes the files of directories that came, went or were replaced. */
  attach(container: Container, facts: Pick<ContainerFacts, 'cgroup' | 'controllers' | 'missing'>): void {
    container.cgroup = facts.cgroup;
    container.controllers = facts.controllers;
    container.missing = facts.missing;
    this.tell((observer) => observer.controllersChanged?.(container));
  }

  private changed(): void {
    this.sorted = undefined;
    this.revision++;
  }

  /** One observer's fault must not keep the others from hearing the news. */
  private tell(news: (observer: ContainerObserver) => void): void {
    for (const observer of this.observers) {
      try {
        news(observer);
      } catch (error) {
        this.logger.error(`a change of the containers was not taken up: ${messageOf(error)}`);
      }
    }
  }
}
