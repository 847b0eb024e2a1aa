import { isDeepStrictEqual } from 'node:util';

/** A remark on a flag. */
export interface Remark {
  /** `--max_procs=4` */
  readonly flag: string;
  readonly text: string;
}

/** The configuration being built: options that differ from the defaults, and remarks on flags. */
export class Draft {
  /** Flags without an equivalent, with the reason. */
  readonly without: Remark[] = [];
  /** Flags whose equivalent differs slightly. */
  readonly remarks: Remark[] = [];
  private readonly sections: Record<string, unknown> = {};
  private readonly plugins = new Map<string, { enabled?: boolean; with: Record<string, unknown> }>();

  /** @param defaults names of the plugins that run by default */
  constructor(private readonly defaults: ReadonlySet<string>) {}

  /** `set('web.listen', […])` */
  set(path: string, value: unknown): void {
    put(this.sections, path.split('.'), value);
  }

  get(path: string): unknown {
    return path
      .split('.')
      .reduce<unknown>((node, name) => (node as Record<string, unknown> | undefined)?.[name], this.sections);
  }

  /** Sets an option of a plugin, `tls.cert`. */
  option(plugin: string, path: string, value: unknown): void {
    put(this.entry(plugin).with, path.split('.'), value);
  }

  /** Enables or disables a plugin. */
  enable(plugin: string, enabled: boolean): void {
    this.entry(plugin).enabled = enabled;
  }

  /** The configuration, in the order in which options were set. */
  config(): Record<string, unknown> {
    const plugins = [...this.plugins].flatMap(([use, entry]) => this.written(use, entry));
    return { ...this.sections, ...(plugins.length > 0 && { plugins }) };
  }

  private written(use: string, entry: { enabled?: boolean; with: Record<string, unknown> }): unknown[] {
    const runs = entry.enabled ?? this.defaults.has(use);
    if (!runs) return this.defaults.has(use) ? [{ use, enabled: false }] : [];
    const options = isDeepStrictEqual(entry.with, {}) ? {} : { with: entry.with };
    return this.defaults.has(use) && !('with' in options) ? [] : [{ use, ...options }];
  }

  private entry(plugin: string) {
    const entry = this.plugins.get(plugin) ?? { with: {} };
    this.plugins.set(plugin, entry);
    return entry;
  }
}

function put(target: Record<string, unknown>, path: readonly string[], value: unknown): void {
  const [name, ...rest] = path as [string, ...string[]];
  if (rest.length === 0) {
    target[name] = value;
    return;
  }
  const inner = (target[name] ?? {}) as Record<string, unknown>;
  target[name] = inner;
  put(inner, rest, value);
}
