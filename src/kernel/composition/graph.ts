import type { AnyToken, ListToken, Token } from './tokens.js';

/** A provider, or a contribution to a list, and what it needs. */
export interface Node {
  readonly room: string;
  readonly target: AnyToken;
  readonly needs: readonly AnyToken[];
  readonly key: symbol;
  readonly create: (...needs: never) => unknown;
}

/** The providers of all tokens, and their order. */
export class Graph {
  private readonly providers = new Map<Token<unknown>, Node>();
  private readonly contributions = new Map<ListToken<unknown>, Node[]>();
  /** Topological order of the tokens. */
  private readonly order = new Map<AnyToken, number>();
  private readonly reached = new Map<AnyToken, ReadonlySet<AnyToken>>();

  /** @throws Error when a token is provided twice or not at all, or needs are circular */
  constructor(
    readonly nodes: readonly Node[],
    private readonly isProvidedElsewhere: (token: AnyToken) => boolean = () => false,
  ) {
    for (const node of nodes) this.add(node);
    for (const node of nodes) this.visit(node.target, []);
    for (const [list, members] of this.contributions) this.contributions.set(list, this.sorted(list, members));
  }

  provider(token: Token<unknown>): Node | undefined {
    return this.providers.get(token);
  }

  /** The contributions to a list, each after those of other rooms for what it needs directly or indirectly. */
  contributors(list: ListToken<unknown>): readonly Node[] {
    return this.contributions.get(list) ?? [];
  }

  private add(node: Node): void {
    const { target, room } = node;
    if (target.isList) {
      this.contributions.set(target, [...this.contributors(target), node]);
      return;
    }
    const other = this.providers.get(target);
    if (other !== undefined) throw new Error(`${target.name} is provided by ${other.room} and by ${room}`);
    this.providers.set(target, node);
  }

  private visit(token: AnyToken, path: readonly Node[]): void {
    if (this.order.has(token)) return;
    const nodes = token.isList ? this.contributors(token) : [this.providers.get(token)];
    for (const node of nodes) {
      if (node === undefined) {
        if (this.isProvidedElsewhere(token)) continue;
        throw new Error(`${path.at(-1)?.room ?? 'the agent'} needs ${token.name}, which no room provides`);
      }
      if (path.includes(node)) this.complain(path.slice(path.indexOf(node)));
      for (const need of node.needs) this.visit(need, [...path, node]);
    }
    this.order.set(token, this.order.size);
  }

  private complain(circle: readonly Node[]): never {
    const names = [...circle, circle[0]!].map(({ room, target }) => `${target.name} (${room})`);
    throw new Error(`rooms need each other in a circle: ${names.join(' → ')}`);
  }

  private sorted(list: ListToken<unknown>, members: readonly Node[]): Node[] {
    const waiting = [...members].sort((a, b) => this.compare(a, b));
    const sorted: Node[] = [];
    while (waiting.length > 0) {
      const next = waiting.findIndex((node) => !waiting.some((other) => this.isBehind(node, other)));
      if (next < 0) {
        const rooms = [...new Set(waiting.map(({ room }) => room))].join(', ');
        throw new Error(`the ${list.name} of ${rooms} each need another to be in front`);
      }
      sorted.push(...waiting.splice(next, 1));
    }
    return sorted;
  }

  /** Whether `node` needs a token that the room of `other` provides and contributes. */
  private isBehind(node: Node, other: Node): boolean {
    if (node.room === other.room) return false;
    const own = other.needs.filter((token) => !token.isList && this.providers.get(token)?.room === other.room);
    return node.needs.some((need) => own.some((token) => this.reach(need).has(token)));
  }

  /** A token and everything that it needs. */
  private reach(token: AnyToken): ReadonlySet<AnyToken> {
    let reached = this.reached.get(token);
    if (reached === undefined) {
      const nodes = token.isList ? this.contributors(token) : [this.providers.get(token)];
      const needs = nodes.flatMap((node) => node?.needs ?? []);
      reached = new Set([token, ...needs.flatMap((need) => [...this.reach(need)])]);
      this.reached.set(token, reached);
    }
    return reached;
  }

  /** Otherwise by the last created of their needs. */
  private compare(a: Node, b: Node): number {
    const [first, second] = [this.places(a), this.places(b)];
    for (const [index, place] of first.entries()) {
      if (place !== second[index]) return place - (second[index] ?? Number.NEGATIVE_INFINITY);
    }
    return first.length - second.length;
  }

  private places({ needs }: Node): number[] {
    return needs.map((need) => this.order.get(need)!).sort((x, y) => y - x);
  }
}
