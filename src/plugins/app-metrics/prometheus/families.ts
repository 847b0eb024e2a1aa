/** Samples of a family may have these endings besides its own name. */
const SUFFIXES: Readonly<Record<string, readonly string[]>> = {
  counter: ['_total', '_created'],
  histogram: ['_bucket', '_sum', '_count', '_created'],
  gaugehistogram: ['_bucket', '_gsum', '_gcount'],
  summary: ['_sum', '_count', '_created'],
  info: ['_info'],
};
const SUFFIX = /_(?:total|created|bucket|sum|count|gsum|gcount|info)$/;

export interface Family {
  readonly name: string;
  /** From the text (`counter`, `histogram`, …); `untyped` by default. */
  type: string;
  help: string;
  unit: string;
  /** Whether it is in the spec. */
  isListed: boolean;
}

/** The families of one text. */
export class Families {
  private readonly byName = new Map<string, Family>();
  private readonly bySample = new Map<string, Family>();

  /** @param maxFamilies further families are ignored */
  constructor(private readonly maxFamilies = Number.POSITIVE_INFINITY) {}

  /** Records what the text says of a family. */
  set(name: string, key: 'type' | 'help' | 'unit', value: string): void {
    const family = this.named(name);
    if (family === undefined) return;
    family[key] = value;
    if (key === 'type') this.bySample.clear();
  }

  /** The family of a sample. @returns undefined beyond `maxFamilies` */
  of(sample: string): Family | undefined {
    let family = this.bySample.get(sample);
    if (family === undefined) {
      family = this.find(sample);
      if (family !== undefined) this.bySample.set(sample, family);
    }
    return family;
  }

  /** In order of appearance. */
  listed(): readonly Family[] {
    return [...this.byName.values()].filter(({ isListed }) => isListed);
  }

  private find(sample: string): Family | undefined {
    const exact = this.byName.get(sample);
    if (exact !== undefined && exact.type !== 'untyped') return exact;
    const suffix = SUFFIX.exec(sample)?.[0];
    const family = suffix === undefined ? undefined : this.byName.get(sample.slice(0, -suffix.length));
    if (family !== undefined && SUFFIXES[family.type]?.includes(suffix!) === true) return family;
    return this.named(sample);
  }

  private named(name: string): Family | undefined {
    let family = this.byName.get(name);
    if (family === undefined && this.byName.size < this.maxFamilies) {
      family = { name, type: 'untyped', help: '', unit: '', isListed: false };
      this.byName.set(name, family);
    }
    return family;
  }
}
