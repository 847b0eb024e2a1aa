import type { TreeSize } from './tree-size.js';

/** A tree to sum up. A walker gets the next one after it has answered. */
export interface ToWalker {
  readonly path: string;
}

export type FromWalker =
  /** `thread`: the walker's thread id, when it is known. */
  | { readonly kind: 'ready'; readonly thread?: number }
  /** `elapsed`: how long the walk took, ms. */
  | { readonly kind: 'size'; readonly size: TreeSize; readonly elapsed: number }
  | { readonly kind: 'failure'; readonly code: string | undefined; readonly message: string };
