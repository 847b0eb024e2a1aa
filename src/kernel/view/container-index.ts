import type { ContainerView } from '../contracts/index.js';

interface Namespace {
  readonly containers: ContainerView[];
  readonly byAlias: Map<string, ContainerView>;
}

/** An index of containers by name and alias, rebuilt on demand after a change. */
export class ContainerIndex {
  private readonly namespaces = new Map<string, Namespace>();

  /** @param sorted by name */
  constructor(readonly sorted: readonly ContainerView[]) {
    for (const container of this.sorted) {
      const { namespace, aliases } = container.description;
      if (namespace === undefined) continue;
      const known = this.namespace(namespace);
      known.containers.push(container);
      for (const alias of aliases) known.byAlias.set(alias, container);
    }
  }

  /** The container and everything below it. */
  below(name: string): readonly ContainerView[] {
    if (name === '/') return this.sorted;
    const prefix = `${name}/`;
    return this.sorted.filter((container) => container.name === name || container.name.startsWith(prefix));
  }

  of(namespace: string): readonly ContainerView[] {
    return this.namespaces.get(namespace)?.containers ?? [];
  }

  /** The container with the alias, else one for each alias with that prefix. */
  lookup(namespace: string, alias: string): readonly ContainerView[] {
    const aliases = this.namespaces.get(namespace)?.byAlias;
    const exact = aliases?.get(alias);
    if (exact !== undefined) return [exact];
    return [...(aliases ?? [])].filter(([name]) => name.startsWith(alias)).map(([, container]) => container);
  }

  private namespace(name: string): Namespace {
    let known = this.namespaces.get(name);
    if (known === undefined) {
      known = { containers: [], byAlias: new Map() };
      this.namespaces.set(name, known);
    }
    return known;
  }
}
