import type { Column, Layout } from '../contracts/index.js';

class InternedLayout implements Layout {
  private readonly byField = new Map<string, number[]>();

  constructor(readonly columns: readonly Column[]) {
    for (const [index, column] of columns.entries()) {
      const known = this.byField.get(column.field.name);
      if (known === undefined) this.byField.set(column.field.name, [index]);
      else known.push(index);
    }
  }

  indexOf(fieldName: string): number {
    return this.byField.get(fieldName)?.[0] ?? -1;
  }

  indexesOf(fieldName: string): readonly number[] {
    return this.byField.get(fieldName) ?? [];
  }
}

/**
 * Interns layouts, so that containers with the same columns share one `Layout` object. Unused layouts are garbage-collected:
 * on a host with ever-changing interface or device names the table must not grow without bound.
 */
export class LayoutTable {
  private readonly layouts = new Map<string, WeakRef<Layout>>();
  /** Containers with the same devices share the columns of these. */
  private readonly keys = new WeakMap<Column, string>();
  private readonly cleanup = new FinalizationRegistry<string>((key) => {
    if (this.layouts.get(key)?.deref() === undefined) this.layouts.delete(key);
  });

  intern(columns: readonly Column[]): Layout {
    const key = columns.map((column) => this.keyOf(column)).join('\n');
    const known = this.layouts.get(key)?.deref();
    if (known !== undefined) return known;
    const layout = new InternedLayout(columns);
    this.layouts.set(key, new WeakRef(layout));
    this.cleanup.register(layout, key);
    return layout;
  }

  private keyOf(column: Column): string {
    const { field, labels, attributes } = column;
    if (labels === undefined && attributes === undefined) return field.name;
    let key = this.keys.get(column);
    if (key === undefined) {
      key = JSON.stringify([field.name, labels, attributes]);
      this.keys.set(column, key);
    }
    return key;
  }
}
