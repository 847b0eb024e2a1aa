/** Identifies what one room provides and others need. */
export class Token<T> {
  declare readonly type: T;
  readonly key: symbol;
  readonly isList = false as const;

  constructor(readonly name: string) {
    this.key = Symbol(name);
  }
}

/** Identifies a list to which any room may contribute, in the order of the dependencies of the contributions. */
export class ListToken<T> {
  declare readonly type: T;
  readonly isList = true as const;

  constructor(readonly name: string) {}
}

export type AnyToken = Token<unknown> | ListToken<unknown>;

type Value<K> = K extends ListToken<infer T> ? readonly T[] : K extends Token<infer T> ? T : never;
type List = readonly AnyToken[];
type Names = Readonly<Record<string, AnyToken>>;

/** The values of tokens by name. */
export type Provided<N extends Names> = { readonly [K in keyof N]: Value<N[K]> };

/** What is needed: a list, or tokens by the name that the value gets. */
export type Needs = List | Names;

type FromList<T, N extends List> = (...needs: { readonly [I in keyof N]: Value<N[I]> }) => NoInfer<T>;
type FromNames<T, N extends Names> = (needs: Provided<N>) => NoInfer<T>;

/** Registers the providers and contributions of a room. */
export interface Registry {
  /** @param create called once, when the token is first needed */
  provide<T, const N extends List>(token: Token<T>, needs: N, create: FromList<T, N>): void;
  provide<T, const N extends Names>(token: Token<T>, needs: N, create: FromNames<T, N>): void;
  /** Adds to a list, which is ordered by the dependencies of the contributions. */
  contribute<T, const N extends List>(list: ListToken<T>, needs: N, create: FromList<T, N>): void;
  contribute<T, const N extends Names>(list: ListToken<T>, needs: N, create: FromNames<T, N>): void;
}

/** A room and its registrations. */
export interface Module {
  readonly name: string;
  register(registry: Registry): void;
}
