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

export type Resolved<N extends readonly AnyToken[]> = {
  readonly [I in keyof N]: N[I] extends ListToken<infer T> ? readonly T[] : N[I] extends Token<infer T> ? T : never;
};

/** Registers the providers and contributions of a room. */
export interface Registry {
  /** @param create called once, when the token is first needed */
  provide<T, const N extends readonly AnyToken[]>(
    token: Token<T>,
    needs: N,
    create: (...needs: Resolved<N>) => NoInfer<T>,
  ): void;
  /** Adds to a list, which is ordered by the dependencies of the contributions. */
  contribute<T, const N extends readonly AnyToken[]>(
    list: ListToken<T>,
    needs: N,
    create: (...needs: Resolved<N>) => NoInfer<T>,
  ): void;
}

/** A room and its registrations. */
export interface Module {
  readonly name: string;
  register(registry: Registry): void;
}
