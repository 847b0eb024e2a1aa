import { promisify } from 'node:util';
import { constants, gunzip, gzip } from 'node:zlib';
import {
  type AppMetricSpec,
  type AppMetricsSnapshot,
  type AppTargetStatus,
  type CapsuleInfo,
  type ContainerDescription,
  type ContainerEvent,
  type DerivedStats,
  type Diagnosis,
  type HostVersions,
  type MachineInfo,
  messageOf,
  type ProcessInfo,
  type ResourceLimits,
  type RuleInfo,
  type SamplePart,
  Slices,
  TallymanError,
  type TrackedFilesystem,
} from '../contracts/index.js';
import type { SampleRing } from '../history/index.js';
import { type CapturedSamples, type Line, SampleReader, sampleLines } from './series.js';

const FORMAT = 'tallyman-capsule';
/** Readers ignore lines and members that they do not know; what they could not read is another version. */
const VERSION = 1;
/** A capsule that unpacks to more is refused, bytes. */
const MAX_UNPACKED = 256 * 1024 * 1024;
const COMPRESSION_LEVEL = 6;

/** What is known of a container besides its samples. */
export interface CapsuleContainer {
  readonly name: string;
  readonly description: ContainerDescription;
  readonly createdAt: number;
  readonly createdAtExtraNs: number;
  readonly limits: ResourceLimits;
  readonly children: readonly string[];
  readonly parts: readonly SamplePart[];
  readonly missing: readonly { readonly what: string; readonly reason: string }[];
  readonly summary?: DerivedStats | undefined;
  readonly appMetrics?: CapsuleAppMetrics | undefined;
}

export interface CapsuleAppMetrics {
  readonly specs: readonly AppMetricSpec[];
  readonly targets: readonly AppTargetStatus[];
  /** Of each target, oldest first. */
  readonly history: readonly (readonly AppMetricsSnapshot[])[];
}

/** The processes that were seen last. */
export interface SeenProcesses {
  /** µs since the epoch */
  readonly time: number;
  /** How many there were; the list may be shorter. */
  readonly total: number;
  readonly list: readonly ProcessInfo[];
}

export interface CapsuleHost {
  readonly machine: MachineInfo;
  readonly versions: HostVersions;
  readonly filesystems: readonly TrackedFilesystem[];
}

/** Everything in a capsule but its samples. */
interface Content {
  readonly info: CapsuleInfo;
  readonly container: CapsuleContainer;
  /** The container `/`. */
  readonly root?: CapsuleContainer | undefined;
  readonly processes?: SeenProcesses | undefined;
  readonly events: readonly ContainerEvent[];
  readonly host: CapsuleHost;
  readonly diagnosis?: Diagnosis | undefined;
}

/** A capsule before it is written. */
export interface CapsuleDraft extends Content {
  readonly samples: CapturedSamples;
  readonly rootSamples: CapturedSamples;
}

/** A capsule that was read. */
export interface Capsule extends Content {
  readonly samples: SampleRing;
  readonly rootSamples: SampleRing;
}

const compress = promisify(gzip);
const unpack = promisify(gunzip);

/** The file of a capsule: JSON lines, compressed by gzip. Yields to the event loop while it works. */
export async function encodeCapsule(draft: CapsuleDraft): Promise<Buffer> {
  const slices = new Slices();
  const texts: string[] = [];
  for (const line of linesOf(draft)) {
    texts.push(JSON.stringify(line));
    if (slices.isOver()) await slices.pause();
  }
  return compress(`${texts.join('\n')}\n`, { level: COMPRESSION_LEVEL });
}

function* linesOf(draft: CapsuleDraft): Generator<Line> {
  const { info, container, root, processes, events, host, diagnosis, samples, rootSamples } = draft;
  yield { format: FORMAT, version: VERSION, ...info };
  yield { kind: 'container', ...plainContainer(container) };
  if (root !== undefined) yield { kind: 'root', ...plainContainer(root) };
  if (processes !== undefined) yield { kind: 'processes', ...processes };
  yield { kind: 'events', list: events };
  yield { kind: 'host', ...host };
  if (diagnosis !== undefined) yield { kind: 'diagnosis', ...plainDiagnosis(diagnosis) };
  yield* sampleLines('container', samples);
  yield* sampleLines('root', rootSamples);
  yield { kind: 'end' };
}

/** Rules are named, not explained. */
function plainDiagnosis({ lookedAt, notLookedAt, description: _, ...rest }: Diagnosis): Line {
  const named = ({ id, title }: RuleInfo) => ({ id, title });
  return {
    ...rest,
    lookedAt: lookedAt.map(named),
    notLookedAt: notLookedAt.map(({ rule, reason }) => ({ rule: named(rule), reason })),
  };
}

/** Integers that may exceed 2^53 are written as text, numbers that JSON lacks as their names. */
function plainContainer({ limits, appMetrics, description, ...rest }: CapsuleContainer): Line {
  // Labels that are not published steer the agent only.
  const { unpublishedLabels: _, ...published } = description;
  return {
    ...rest,
    description: published,
    limits: JSON.parse(
      JSON.stringify(limits, (_key, value) => (typeof value === 'bigint' ? { $int: String(value) } : value)),
    ),
    appMetrics: appMetrics && {
      ...appMetrics,
      history: appMetrics.history.map((snapshots) =>
        snapshots.map(({ time, series, values, residuals, times }) => ({
          time,
          series,
          values: Array.from(values, plainNumber),
          residuals: residuals && [...residuals],
          times: times && Array.from(times, plainNumber),
        })),
      ),
    },
  };
}

function plainNumber(value: number): number | string {
  return Number.isFinite(value) ? value : String(value);
}

/** Reads the file of a capsule. @throws TallymanError when it is none, cut short, or of a newer version */
export async function decodeCapsule(file: Uint8Array, name: string): Promise<Capsule> {
  const { info, lines } = await unpacked(file, name);
  try {
    return assembled(info, lines);
  } catch (error) {
    throw error instanceof TallymanError
      ? error
      : new TallymanError(`${name} is not a valid capsule: ${messageOf(error)}`);
  }
}

/** Reads what a capsule is about, and whether its file is whole. @throws TallymanError */
export async function decodeInfo(file: Uint8Array, name: string): Promise<CapsuleInfo> {
  return (await unpacked(file, name)).info;
}

async function unpacked(file: Uint8Array, name: string): Promise<{ info: CapsuleInfo; lines: readonly string[] }> {
  let text: string;
  try {
    text = (await unpack(file, { maxOutputLength: MAX_UNPACKED, finishFlush: constants.Z_FINISH })).toString();
  } catch (error) {
    throw new TallymanError(`${name} is not a capsule, or cut short: ${messageOf(error)}`);
  }
  const lines = text.split('\n');
  const info = infoOf(lines[0]!, name);
  if (lines.at(-2) !== '{"kind":"end"}') throw new TallymanError(`${name} is cut short`);
  return { info, lines: lines.slice(1, -2) };
}

function infoOf(line: string, name: string): CapsuleInfo {
  let parsed: Partial<CapsuleInfo> & { readonly format?: unknown; readonly version?: unknown };
  try {
    parsed = JSON.parse(line);
  } catch {
    throw new TallymanError(`${name} is not a capsule`);
  }
  const { format, version, ...info } = parsed ?? {};
  if (format !== FORMAT) throw new TallymanError(`${name} is not a capsule`);
  if (version !== VERSION) {
    throw new TallymanError(
      `${name} has version ${String(version)} of the format, and this is a reader of version ${VERSION}`,
      {
        hint: 'use the version of tallyman that wrote it, or a newer one',
      },
    );
  }
  const { id, container, label, createdAt, reasons } = info;
  const isWhole = [id, container, label].every((each) => typeof each === 'string') && typeof createdAt === 'number';
  if (!isWhole || !Array.isArray(reasons)) throw new TallymanError(`${name} does not say what it is about`);
  return info as CapsuleInfo;
}

function assembled(info: CapsuleInfo, lines: readonly string[]): Capsule {
  const readers = { container: new SampleReader(), root: new SampleReader() };
  const parts: Record<string, Line> = {};
  for (const text of lines) {
    const { kind, ...line } = JSON.parse(text) as Line;
    const { of } = line;
    if (kind === 'samples' || kind === 'column') readers[of === 'root' ? 'root' : 'container'].take({ kind, ...line });
    else parts[String(kind)] = line;
  }
  const { container, root, processes, events, host, diagnosis } = parts;
  if (container === undefined || host === undefined) throw new Error('it has no container or no host');
  return {
    info,
    container: readContainer(container),
    root: root && readContainer(root),
    processes: processes as unknown as SeenProcesses | undefined,
    events: (events?.list ?? []) as readonly ContainerEvent[],
    host: host as unknown as CapsuleHost,
    diagnosis: diagnosis && ({ ...diagnosis, description: container.description } as unknown as Diagnosis),
    samples: readers.container.finish(),
    rootSamples: readers.root.finish(),
  };
}

type PlainSnapshot = Omit<AppMetricsSnapshot, 'values' | 'residuals' | 'times'> & {
  readonly values: readonly (number | string)[];
  readonly residuals?: readonly number[];
  readonly times?: readonly (number | string)[];
};

function readContainer(line: Line): CapsuleContainer {
  const { limits, appMetrics, ...rest } = line as unknown as Omit<CapsuleContainer, 'appMetrics'> & {
    readonly appMetrics?: Omit<CapsuleAppMetrics, 'history'> & {
      readonly history: readonly (readonly PlainSnapshot[])[];
    };
  };
  return {
    ...rest,
    limits: reviveIntegers(limits) as ResourceLimits,
    ...(appMetrics && {
      appMetrics: { ...appMetrics, history: appMetrics.history.map((all) => all.map(readSnapshot)) },
    }),
  };
}

function readSnapshot({ values, residuals, times, ...rest }: PlainSnapshot): AppMetricsSnapshot {
  return {
    ...rest,
    values: Float64Array.from(values, Number),
    ...(residuals && { residuals: Int16Array.from(residuals) }),
    ...(times && { times: Float64Array.from(times, Number) }),
  };
}

function reviveIntegers(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if ('$int' in value) return BigInt(String(value.$int));
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, reviveIntegers(member)]));
}
