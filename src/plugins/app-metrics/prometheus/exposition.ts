import { type AppMetricSample, Slices } from '../../../kernel/contracts/index.js';
import { Families, type Family } from './families.js';
import { LineCursor } from './line-cursor.js';

const NEWLINE = 0x0a;
const RETURN = 0x0d;
const HASH = 0x23;

/** Comments that describe a family. */
const DESCRIPTIONS: ReadonlyMap<string, 'type' | 'help' | 'unit'> = new Map([
  ['TYPE', 'type'],
  ['HELP', 'help'],
  ['UNIT', 'unit'],
]);

/** Bytes of an answer that are parsed between two checks of the time. */
const PIECE_BYTES = 32 * 1024;
/** Limits on the cost of an answer: no kept series has so long a line, no application so many families. */
const ANSWER_LIMITS = { maxLineLength: 8 * 1024, maxFamilies: 10_000 };

export interface ExpositionOptions {
  /** OpenMetrics has times in seconds, and marks the end. */
  readonly openMetrics: boolean;
  /** Selects samples by name and family; absent: all. */
  readonly wanted?: ((name: string, family: string) => boolean) | undefined;
  /** Families to list although their samples are not wanted. */
  readonly isListed?: ((family: string) => boolean) | undefined;
  /** Further wanted samples are only counted. */
  readonly maxSamples: number;
  /** Characters; longer samples are only counted, longer comments cut. Absent: any. */
  readonly maxLineLength?: number;
  /** Samples of further families are only counted. Absent: any. */
  readonly maxFamilies?: number;
}

/** A parsed text in the Prometheus or OpenMetrics format. */
export interface Exposition {
  /** Families with samples, and listed ones, in order of appearance. */
  readonly families: readonly Family[];
  /** In the order of the text. */
  readonly samples: readonly AppMetricSample[];
  /** Lines that are samples beyond the limits. */
  readonly surplus: number;
  /** Lines that are neither samples nor comments. */
  readonly malformed: number;
  /** The first of them: `line 3: …`. */
  readonly firstMalformed?: string;
  /** True when an OpenMetrics text lacks its end mark. */
  readonly truncated: boolean;
}

/**
 * Parses the Prometheus text format and OpenMetrics, names in UTF-8 and quotes included. Never throws: a line that
 * cannot be read costs only itself.
 */
export function parseExposition(text: string, options: ExpositionOptions): Exposition {
  const parser = new Parser(options);
  parser.lines(text);
  return parser.result();
}

/**
 * Parses an answer as `parseExposition` does a text, within limits and in slices: the event loop runs in between.
 * @returns also the time that parsing took, ms
 */
export async function parseAnswer(
  body: Buffer,
  options: ExpositionOptions,
): Promise<{ readonly exposition: Exposition; readonly spentMs: number }> {
  const parser = new Parser({ ...options, ...ANSWER_LIMITS });
  const slices = new Slices();
  for (let start = 0; start < body.length && !parser.ended; ) {
    const end = endOfPiece(body, start);
    // Only a line that is far too long is longer than a piece.
    parser.lines(body.toString('utf8', start, Math.min(end, start + PIECE_BYTES)));
    start = end;
    if (slices.isOver()) await slices.pause();
  }
  return { exposition: parser.result(), spentMs: slices.spentMs };
}

/** End of the last complete line within a piece; of the first line when none is complete. */
function endOfPiece(body: Buffer, start: number): number {
  const limit = start + PIECE_BYTES;
  if (limit >= body.length) return body.length;
  const last = body.lastIndexOf(NEWLINE, limit - 1);
  if (last >= start) return last + 1;
  const next = body.indexOf(NEWLINE, limit);
  return next < 0 ? body.length : next + 1;
}

class Parser {
  ended = false;
  private readonly families: Families;
  private readonly cursor = new LineCursor();
  private readonly samples: AppMetricSample[] = [];
  private readonly timeUnit: number;
  private surplus = 0;
  private malformed = 0;
  private firstMalformed: string | undefined;
  private lineNumber = 0;

  constructor(private readonly options: ExpositionOptions) {
    this.timeUnit = options.openMetrics ? 1e6 : 1e3;
    this.families = new Families(options.maxFamilies);
  }

  /** Parses whole lines, until the end of the text or its mark. */
  lines(text: string): void {
    for (let start = 0; start < text.length && !this.ended; ) {
      let end = text.indexOf('\n', start);
      if (end < 0) end = text.length;
      this.lineNumber++;
      const last = text.charCodeAt(end - 1) === RETURN && end > start ? end - 1 : end;
      if (last > start) this.line(text, start, last);
      start = end + 1;
    }
  }

  private line(text: string, start: number, fullEnd: number): void {
    const { cursor } = this;
    const end = Math.min(fullEnd, start + (this.options.maxLineLength ?? Number.POSITIVE_INFINITY));
    cursor.reset(text, start, end);
    cursor.skipBlanks();
    if (cursor.atEnd) return;
    if (end < fullEnd && cursor.code() !== HASH) {
      this.surplus++;
      return;
    }
    const problem = cursor.code() === HASH ? this.comment() : this.sample();
    if (problem === undefined) return;
    this.malformed++;
    this.firstMalformed ??= `line ${this.lineNumber}: ${problem}: ${JSON.stringify(text.slice(start, Math.min(end, start + 80)))}`;
  }

  result(): Exposition {
    return {
      families: this.families.listed(),
      samples: this.samples,
      surplus: this.surplus,
      malformed: this.malformed,
      ...(this.firstMalformed !== undefined && { firstMalformed: this.firstMalformed }),
      truncated: this.options.openMetrics && !this.ended,
    };
  }

  private comment(): string | undefined {
    const { cursor } = this;
    cursor.advance();
    cursor.skipBlanks();
    const keyword = cursor.word();
    if (keyword === 'EOF' && this.options.openMetrics) {
      this.ended = true;
      return undefined;
    }
    const key = DESCRIPTIONS.get(keyword);
    if (key === undefined) return undefined;
    cursor.skipBlanks();
    const name = cursor.name();
    if (name === undefined) return `${keyword} without a name`;
    cursor.skipBlanks();
    this.families.set(name, key, key === 'help' ? cursor.unescapedRest() : cursor.word());
    return undefined;
  }

  private sample(): string | undefined {
    const { cursor, options } = this;
    // Samples beyond the limit are not parsed.
    if (options.wanted === undefined && this.samples.length >= options.maxSamples) {
      this.surplus++;
      return undefined;
    }
    const outer = cursor.isOpeningBrace ? undefined : cursor.name();
    if (outer === undefined && !cursor.isOpeningBrace) return 'no metric name';
    if (!cursor.isBlank && !cursor.isOpeningBrace) return 'no blank after the metric name';
    cursor.skipBlanks();
    let name = outer;
    let labels: Record<string, string> = {};
    if (cursor.isOpeningBrace) {
      const inside = cursor.labels(outer === undefined);
      if (inside === undefined) return 'malformed labels';
      name ??= inside.name;
      labels = inside.labels;
    }
    if (name === undefined) return 'no metric name';
    const family = this.families.of(name);
    if (family === undefined) {
      this.surplus++;
      return undefined;
    }
    if (options.wanted?.(name, family.name) === false) {
      family.isListed ||= options.isListed?.(family.name) === true;
      return undefined;
    }
    const value = cursor.number();
    if (value === undefined) return 'no value';
    const time = cursor.optionalNumber();
    if (time === undefined) return 'malformed timestamp';
    if (!cursor.skipExemplar()) return 'something after the value';
    family.isListed = true;
    if (this.samples.length >= options.maxSamples) this.surplus++;
    else if (Number.isNaN(time)) this.samples.push({ name, labels, value });
    else this.samples.push({ name, labels, value, time: Math.round(time * this.timeUnit) });
    return undefined;
  }
}
