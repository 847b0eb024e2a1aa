import type { Families, MetricFamily, MetricType } from '../../../kernel/contracts/index.js';
import { escapeHelp } from './text.js';

const TEMPORARY = -1;

export type { MetricType } from '../../../kernel/contracts/index.js';

export type Format = 'text' | 'openMetrics';

/** A metric family with the bytes that its lines begin with. */
export class Family implements MetricFamily {
  /** `name{` */
  readonly prefix: Buffer;
  private headers: Partial<Record<Format, Buffer>> = {};
  private hasNameCollision = false;

  constructor(
    readonly name: string,
    readonly type: MetricType,
    readonly help: string,
    /** Index of its writer in an `ExpositionBuffer`; −1: temporary. */
    readonly index: number,
  ) {
    this.prefix = Buffer.from(`${name}{`);
  }

  header(format: Format): Buffer {
    this.headers[format] ??= Buffer.from(format === 'text' ? this.textHeader() : this.openMetricsHeader());
    return this.headers[format];
  }

  /** Records whether another family has this family's name in OpenMetrics. */
  markNameCollision(isThere = true): void {
    this.hasNameCollision = isThere;
    this.headers = {};
  }

  /** The name of the family in OpenMetrics, for a counter without `_total`. */
  get openMetricsName(): string {
    return this.type === 'counter' && !this.hasNameCollision ? this.name.replace(/_total$/, '') : this.name;
  }

  private textHeader(): string {
    return `# HELP ${this.name} ${escapeHelp(this.help, false)}\n# TYPE ${this.name} ${this.type}\n`;
  }

  /**
   * A counter whose name lacks `_total` (cAdvisor has two), or whose name without it is used by another family (an
   * application's gauge), cannot be a counter in OpenMetrics: it keeps its name as type `unknown`.
   */
  private openMetricsHeader(): string {
    const name = this.openMetricsName;
    const type = this.type === 'counter' && name === this.name ? 'unknown' : this.type;
    const unit = /_(seconds|bytes|ratio)$/.exec(name)?.[1];
    const unitLine = unit === undefined ? '' : `# UNIT ${name} ${unit}\n`;
    return `# HELP ${name} ${escapeHelp(this.help, true)}\n# TYPE ${name} ${type}\n${unitLine}`;
  }
}

/** All families by name, so that no name appears twice in an answer. */
export class FamilyTable implements Families<Family> {
  /** By exported name. */
  private readonly families = new Map<string, Family>();
  /** By requested name. */
  private readonly byRequestedName = new Map<string, Family | undefined>();
  private ordered: readonly Family[] | undefined;
  private count = 0;

  /** @param exportedName maps requested names; undefined: the family is excluded */
  constructor(private readonly exportedName: (name: string) => string | undefined) {}

  shows(name: string): boolean {
    return this.exportedName(name) !== undefined;
  }

  /** The family of this name with its first type and help. @returns undefined when excluded */
  take(name: string, type: MetricType, help: string): Family | undefined {
    if (this.byRequestedName.has(name)) return this.byRequestedName.get(name);
    const shown = this.exportedName(name);
    const known = shown === undefined ? undefined : this.families.get(shown);
    const family = shown === undefined ? undefined : (known ?? this.add(new Family(shown, type, help, this.count++)));
    this.byRequestedName.set(name, family);
    return family;
  }

  /** A family that is removed by `release`. */
  acquire(name: string, type: MetricType, help: string): Family {
    const shown = this.exportedName(name) ?? name;
    return this.families.get(shown) ?? this.add(new Family(shown, type, help, TEMPORARY));
  }

  /** A temporary family is no longer needed. */
  release({ name, index }: Family): void {
    if (index !== TEMPORARY) return;
    this.families.delete(name);
    this.ordered = undefined;
    this.families.get(`${name}_total`)?.markNameCollision(false);
  }

  private add(family: Family): Family {
    const { name, openMetricsName } = family;
    this.families.set(name, family);
    this.ordered = undefined;
    if (openMetricsName !== name && this.families.get(openMetricsName) !== undefined) family.markNameCollision();
    const counter = this.families.get(`${name}_total`);
    if (counter?.type === 'counter') counter.markNameCollision();
    return family;
  }

  get sorted(): readonly Family[] {
    this.ordered ??= [...this.families.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
    return this.ordered;
  }
}
