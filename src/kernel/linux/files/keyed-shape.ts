/** Orders that are remembered; the kernel has one or two for a kind of file. */
const MAX_ORDERS = 64;

/** The order of the wanted keys in a file. The same for all files of one kind on one kernel. */
export interface KeyOrder {
  /** The keys, each followed by a space. */
  readonly words: readonly Buffer[];
  /** Their indexes in `keys`. */
  readonly indexes: readonly number[];
  /** A hash of all keys in the file; only compared while wanted keys are missing. */
  readonly signature: number;
}

/**
 * State shared by all files with the same keys: the `memory.stat` of a thousand containers have the same layout, and the
 * values of one read are used before the next read.
 */
export class KeyedShape {
  readonly values: Float64Array;
  readonly residuals: Int16Array;
  readonly wanted: ReadonlyMap<string, number>;
  /** The order of the file that was learned last. */
  latest: KeyOrder | undefined;
  private readonly orders = new Map<string, KeyOrder>();

  constructor(keys: readonly string[]) {
    this.wanted = new Map(keys.map((key, index) => [key, index]));
    this.values = new Float64Array(keys.length);
    this.residuals = new Int16Array(keys.length);
  }

  intern(order: KeyOrder): KeyOrder {
    const id = `${order.signature}:${order.indexes.join()}`;
    this.latest = this.orders.get(id) ?? order;
    if (this.latest !== order) return this.latest;
    if (this.orders.size >= MAX_ORDERS) this.orders.clear();
    this.orders.set(id, order);
    return order;
  }
}
