import type { Families, MetricFamily, MetricType } from '../../../kernel/contracts/index.js';
import { escapeHelp } from './text.js';

/** Index of families that may be given back. */
const BORROWED = -1;

export type { MetricType } from '../../../kernel/contracts/index.js';

/** The text formats that are spoken. */
export type Format = 'text' | 'openMetrics';

/** A metric family with the bytes that its lines begin with. */
export class Family implements MetricFamily {
  /** `name{` */
  readonly prefix: Buffer;
  private headers: Partial<Record<Format, Buffer>> = {};
  private hasNamesake = false;

  constructor(
    readonly name: string,
    readonly type: MetricType,
    readonly help: string,
    /** Place of its lines among the buffers of a sheet; −1: none, it may be given back. */
    readonly index: number,
  ) {
    this.prefix = Buffer.from(`${name}{`);
  }

  /** The lines above the series. */
  header(format: Format): Buffer {
    this.headers[format] ??= Buffer.from(format === 'text' ? this.textHeader() : this.openMetricsHeader());
    return this.headers[format];
  }

  /** Another family has the name that OpenMetrics would give to this one. */
  meetNamesake(isThere = true): void {
    this.hasNamesake = isThere;
    this.headers = {};
  }

  /** In OpenMetrics, where a counter's name is without its `_total`. */
  get openMetricsName(): string {
    return this.type === 'counter' && !this.hasNamesake ? this.name.replace(/_total$/, '') : this.name;
  }

  private textHeader(): string {
    return `# HELP ${this.name} ${escapeHelp(this.help, false)}\n# TYPE ${this.name} ${this.type}\n`;
  }

  /**
   * A counter whose name lacks `_total` (cAdvisor has two), or whose name without it is another family's (an
   * application's gauge), cannot be a counter in OpenMetrics and keeps its name instead.
   */
  private openMetricsHeader(): string {
    const name = this.openMetricsName;
    const type = this.type === 'counter' && name === this.name ? 'unknown' : this.type;
    const unit = /_(seconds|bytes|ratio)$/.exec(name)?.[1];
    const unitLine = unit === undefined ? '' : `# UNIT ${name} ${unit}\n`;
    return `# HELP ${name} ${escapeHelp(this.help, true)}\n# TYPE ${name} ${type}\n${unitLine}`;
  }
}

/** All families that have been met, by name: each name is one family, so none appears twice in an answer. */
export class FamilyTable implements Families<Family> {
  /** By the names that they have here. */
  private readonly families = new Map<string, Family>();
  /** By the names that they were asked for. */
  private readonly taken = new Map<string, Family | undefined>();
  private ordered: readonly Family[] | undefined;
  private count = 0;

  /** @param exportedName the name that a family has here; undefined: it is not shown */
  constructor(private readonly exportedName: (name: string) => string | undefined) {}

  /** Whether a family of this name is shown. */
  shows(name: string): boolean {
    return this.exportedName(name) !== undefined;
  }

  /** The family of this name, made at the first time; its first type and help stay. @returns undefined when excluded */
  take(name: string, type: MetricType, help: string): Family | undefined {
    if (this.taken.has(name)) return this.taken.get(name);
    const shown = this.exportedName(name);
    const known = shown === undefined ? undefined : this.families.get(shown);
    const family = shown === undefined ? undefined : (known ?? this.add(new Family(shown, type, help, this.count++)));
    this.taken.set(name, family);
    return family;
  }

  /** The family of a name that is to be shown, for as long as it is needed. */
  borrow(name: string, type: MetricType, help: string): Family {
    const shown = this.exportedName(name) ?? name;
    return this.families.get(shown) ?? this.add(new Family(shown, type, help, BORROWED));
  }

  /** A borrowed family is no longer needed. */
  giveBack({ name, index }: Family): void {
    if (index !== BORROWED) return;
    this.families.delete(name);
    this.ordered = undefined;
    this.families.get(`${name}_total`)?.meetNamesake(false);
  }

  private add(family: Family): Family {
    const { name, openMetricsName } = family;
    this.families.set(name, family);
    this.ordered = undefined;
    if (openMetricsName !== name && this.families.get(openMetricsName) !== undefined) family.meetNamesake();
    const counter = this.families.get(`${name}_total`);
    if (counter?.type === 'counter') counter.meetNamesake();
    return family;
  }

  /** By name. */
  get sorted(): readonly Family[] {
    this.ordered ??= [...this.families.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
    return this.ordered;
  }
}
