/** The wanted keys in the order in which they stand in a file. The same for all files of one kind and kernel. */
export interface KeyOrder {
  /** The keys with the blank behind each. */
  readonly words: readonly Buffer[];
  /** Their indexes in `keys`. */
  readonly indexes: readonly number[];
  /** Tells the keys of one file from another's; only looked at while wanted keys are missing. */
  readonly signature: number;
}

/**
 * What all files opened for the same keys share: a thousand containers' `memory.stat` are of one shape, and the numbers
 * of one read are used before the next.
 */
export class KeyedShape {
  readonly values: Float64Array;
  readonly residuals: Int16Array;
  readonly wanted: ReadonlyMap<string, number>;
  private readonly orders = new Map<string, KeyOrder>();

  constructor(keys: readonly string[]) {
    this.wanted = new Map(keys.map((key, index) => [key, index]));
    this.values = new Float64Array(keys.length);
    this.residuals = new Int16Array(keys.length);
  }

  intern(order: KeyOrder): KeyOrder {
    const id = `${order.signature}:${order.indexes.join()}`;
    const known = this.orders.get(id);
    if (known !== undefined) return known;
    this.orders.set(id, order);
    return order;
  }
}

/** Shapes by list of keys. */
export class KeyedShapes {
  private readonly shapes = new WeakMap<readonly string[], KeyedShape>();

  of(keys: readonly string[]): KeyedShape {
    let shape = this.shapes.get(keys);
    if (shape === undefined) {
      shape = new KeyedShape(keys);
      this.shapes.set(keys, shape);
    }
    return shape;
  }
}
