import type { AnyToken, ListToken, Token } from './tokens.js';

/** Something that is made of what it needs: a provider, or a contribution to a list. */
export interface Node {
  /** Name of the room. */
  readonly room: string;
  /** What it provides, or the list it belongs to. */
  readonly target: AnyToken;
  readonly needs: readonly AnyToken[];
  readonly key: symbol;
  readonly create: (...needs: never) => unknown;
}

/** Which room provides what, and in which order it has to be made. */
export class Graph {
  private readonly providers = new Map<Token<unknown>, Node>();
  private readonly contributions = new Map<ListToken<unknown>, Node[]>();
  /** Place of each token behind everything it needs. */
  private readonly order = new Map<AnyToken, number>();

  /** @throws Error when two rooms provide the same, something needed is not provided, or needs go in a circle */
  constructor(
    readonly nodes: readonly Node[],
    private readonly isProvidedElsewhere: (token: AnyToken) => boolean = () => false,
  ) {
    for (const node of nodes) this.add(node);
    for (const node of nodes) this.visit(node.target, []);
    for (const list of this.contributions.values()) list.sort((a, b) => this.compare(a, b));
  }

  provider(token: Token<unknown>): Node | undefined {
    return this.providers.get(token);
  }

  /** The contributions to a list, each behind those to what it needs. */
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

  /** By what is needed last; then by the rest of what is needed. */
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
