import 'reflect-metadata';
import { type DependencyContainer, instanceCachingFactory, container as rootContainer } from 'tsyringe';
import { Graph, type Node } from './graph.js';
import { type AnyToken, type ListToken, type Module, type Needs, Token } from './tokens.js';

/** For rooms that create child compositions. */
export const COMPOSITION: Token<Pick<Composition, 'child'>> = new Token('composition');

/** Creates what rooms provide, once and on demand. */
export class Composition {
  readonly graph: Graph;
  private readonly made: unknown[] = [];
  private readonly container: DependencyContainer;

  /**
   * @param overrides take precedence over the modules
   * @param parent provides what the modules lack
   * @throws Error when a token is missing or ambiguous, or needs are circular
   */
  constructor(
    modules: readonly Module[],
    overrides: readonly Module[] = [],
    private readonly parent?: Composition,
  ) {
    const overriding = overrides.flatMap((module) => nodesOf(module));
    const isOverridden = ({ target }: Node) => !target.isList && overriding.some((other) => other.target === target);
    const own = nodesOf({ name: 'composition', register: ({ provide }) => provide(COMPOSITION, [], () => this) });
    const nodes = [
      ...own,
      ...modules.flatMap((module) => nodesOf(module)).filter((node) => !isOverridden(node)),
      ...overriding,
    ];
    this.graph = new Graph(nodes, (token) => parent?.provides(token) === true);
    this.container = (parent?.container ?? rootContainer).createChildContainer();
    for (const node of nodes) {
      this.container.register(node.key, { useFactory: instanceCachingFactory(() => this.make(node)) });
    }
  }

  get<T>(token: Token<T>): T {
    return this.container.resolve<T>(token.key);
  }

  all<T>(list: ListToken<T>): readonly T[] {
    return this.graph.contributors(list).map(({ key }) => this.container.resolve<T>(key));
  }

  /** A child composition with a shorter lifetime. */
  child(module: Module): Composition {
    return new Composition([module], [], this);
  }

  /** Disposes of the created objects in reverse order. */
  async dispose(): Promise<void> {
    for (const instance of this.made.reverse()) await (instance as Partial<{ dispose(): unknown }> | null)?.dispose?.();
    this.made.length = 0;
    await this.container.dispose();
  }

  private provides(token: AnyToken): boolean {
    if (token.isList) return this.graph.contributors(token).length > 0;
    return this.graph.provider(token) !== undefined || this.parent?.provides(token) === true;
  }

  private make({ needs, create }: Node): unknown {
    const resolved = needs.map((need) => (need.isList ? this.all(need) : this.get(need)));
    const instance = (create as (...resolved: unknown[]) => unknown)(...resolved);
    if (instance !== this) this.made.push(instance);
    return instance;
  }
}

/** The providers and contributions of a room. */
export function nodesOf({ name: room, register }: Module): Node[] {
  const nodes: Node[] = [];
  const add = (target: AnyToken, needs: Needs, create: Node['create'], key: symbol) => {
    if (isList(needs)) nodes.push({ room, target, key, needs, create });
    else nodes.push({ room, target, key, needs: Object.values(needs), create: byName(Object.keys(needs), create) });
  };
  register({
    provide: (target: Token<unknown>, needs: Needs, create: Node['create']) => add(target, needs, create, target.key),
    contribute: (target: AnyToken, needs: Needs, create: Node['create']) =>
      add(target, needs, create, Symbol(`${target.name} of ${room}`)),
  });
  return nodes;
}

const isList = (needs: Needs): needs is readonly AnyToken[] => Array.isArray(needs);

function byName(names: readonly string[], create: Node['create']): Node['create'] {
  return (...values: readonly unknown[]) =>
    (create as (needs: object) => unknown)(Object.fromEntries(names.map((name, i) => [name, values[i]])));
}
