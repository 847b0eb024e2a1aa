import { escapeHelp } from './text.js';

/** What a family is. */
export type MetricType = 'counter' | 'gauge' | 'histogram' | 'summary';

/** The text formats that are spoken. */
export type Format = 'text' | 'openMetrics';

/** A metric family with the bytes that its lines begin with. */
export class Family {
  /** `name{` */
  readonly prefix: Buffer;
  private readonly headers: Partial<Record<Format, Buffer>> = {};

  constructor(
    readonly name: string,
    readonly type: MetricType,
    readonly help: string,
    /** Place of its lines among the buffers of a sheet. */
    readonly index: number,
  ) {
    this.prefix = Buffer.from(`${name}{`);
  }

  /** The lines above the series. */
  header(format: Format): Buffer {
    this.headers[format] ??= Buffer.from(format === 'text' ? this.textHeader() : this.openMetricsHeader());
    return this.headers[format];
  }

  private textHeader(): string {
    return `# HELP ${this.name} ${escapeHelp(this.help, false)}\n# TYPE ${this.name} ${this.type}\n`;
  }

  /**
   * OpenMetrics names a counter without its `_total`. One whose name lacks it (cAdvisor has two) cannot be a counter
   * there and keeps its name instead.
   */
  private openMetricsHeader(): string {
    const isCounter = this.type === 'counter';
    const total = this.name.endsWith('_total');
    const name = isCounter && total ? this.name.slice(0, -'_total'.length) : this.name;
    const type = isCounter && !total ? 'unknown' : this.type;
    const unit = /_(seconds|bytes|ratio)$/.exec(name)?.[1];
    const unitLine = unit === undefined ? '' : `# UNIT ${name} ${unit}\n`;
    return `# HELP ${name} ${escapeHelp(this.help, true)}\n# TYPE ${name} ${type}\n${unitLine}`;
  }
}

/** All families that have been met, by name: each name is one family, so none appears twice in an answer. */
export class FamilyTable {
  private readonly families = new Map<string, Family | undefined>();
  private ordered: readonly Family[] | undefined;
  private count = 0;

  /** @param wanted whether a family of this name is to be shown */
  constructor(private readonly wanted: (name: string) => boolean) {}

  /** The family of this name, made at the first time; its first type and help stay. @returns undefined when excluded */
  take(name: string, type: MetricType, help: string): Family | undefined {
    if (this.families.has(name)) return this.families.get(name);
    const family = this.wanted(name) ? new Family(name, type, help, this.count++) : undefined;
    this.families.set(name, family);
    this.ordered = undefined;
    return family;
  }

  /** By name. */
  get sorted(): readonly Family[] {
    this.ordered ??= [...this.families.values()]
      .filter((family) => family !== undefined)
      .sort((a, b) => (a.name < b.name ? -1 : 1));
    return this.ordered;
  }
}
