import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { getHeapSpaceStatistics, getHeapStatistics } from 'node:v8';
import { type Clock, type Finding, type Logger, memoryUsage, messageOf, readNames } from '../contracts/index.js';

/** What was allocated and is still in use, by the function that did. */
export interface Allocation {
  readonly bytes: number;
  readonly function: string;
  readonly file: string;
  /** The plugin whose code called it. */
  readonly plugin?: string;
}

/** A node of V8's sampling heap profile: a function, called by its parent. */
export interface SamplingNode {
  readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  readonly selfSize: number;
  readonly children: readonly SamplingNode[];
}

/** The parts of Node's diagnostic report that are kept. The others include the environment, which may hold secrets. */
interface NodeReport {
  readonly header?: { readonly event?: string; readonly dumpEventTime?: string };
  readonly javascriptHeap?: object;
  readonly resourceUsage?: object;
}

interface ReportContent {
  readonly reason: string;
  readonly held?: object;
  readonly allocations?: readonly Allocation[];
  readonly [more: string]: unknown;
}

const DIRECTORY = 'memory-reports';
const NAME = /^memory-.*\.json$/;
/** Written by Node itself when V8 can allocate nothing more, as in a loop that never returns. */
const NODE_REPORT = 'node-fatal-error.json';
/** Reports that are kept; the oldest make room. */
export const MAX_MEMORY_REPORTS = 3;
const MAX_ALLOCATIONS = 20;
/** How long a report is a finding, µs. */
const RECENT_US = 86_400e6;

/** Reports on what held the memory when an agent ended for lack of it, in the state directory. */
export class MemoryReports {
  private readonly directory: string;

  constructor(
    state: string,
    private readonly clock: Clock,
    private readonly logger: Logger,
    private readonly version: string,
  ) {
    this.directory = join(state, DIRECTORY);
  }

  /** Lets Node write a report if V8 ends the process, and takes over what it wrote the last time. */
  prepare(): void {
    try {
      mkdirSync(this.directory, { recursive: true, mode: 0o700 });
      chmodSync(this.directory, 0o700);
      this.adopt();
      const { report } = process;
      report.directory = this.directory;
      report.filename = NODE_REPORT;
      report.compact = true;
      (report as { excludeNetwork?: boolean }).excludeNetwork = true;
      report.reportOnFatalError = true;
    } catch (error) {
      this.logger.debug('no report can be written when memory is used up', { error: messageOf(error) });
    }
  }

  /** @returns the path of the report @throws the system's error */
  write(content: ReportContent): string {
    const time = new Date(this.clock.now() / 1000).toISOString();
    const report = {
      time,
      version: this.version,
      uptimeSeconds: Math.round(process.uptime()),
      ...content,
      process: memoryUsage(),
      heap: getHeapStatistics(),
      heapSpaces: getHeapSpaceStatistics(),
    };
    return this.store(time, report);
  }

  /** The newest report, when it is recent. @param now µs since the epoch */
  findings(now: number): readonly Finding[] {
    const newest = this.names().at(-1);
    if (newest === undefined) return [];
    const path = join(this.directory, newest);
    const report = readJson(path);
    const at = Date.parse(String(report?.time)) * 1000;
    if (report === undefined || Number.isNaN(at) || now - at > RECENT_US) return [];
    const [largest] = (report.allocations as readonly Allocation[] | undefined) ?? [];
    const who = largest === undefined ? '' : `; the most was allocated by ${nameOf(largest)}`;
    return [
      {
        id: 'memory-report',
        severity: 'warning',
        what: `the agent ended at ${report.time} for lack of memory: ${report.reason}${who}`,
        effect: 'There are no samples from then until it was started again.',
        mend: `less ${path}`,
      },
    ];
  }

  private adopt(): void {
    const path = join(this.directory, NODE_REPORT);
    const found = readJson(path) as NodeReport | undefined;
    rmSync(path, { force: true });
    if (found === undefined) return;
    const { header, javascriptHeap, resourceUsage } = found;
    const time = header?.dumpEventTime ?? new Date(this.clock.now() / 1000).toISOString();
    const reason = `V8 could not allocate memory (${header?.event ?? 'fatal error'})`;
    this.store(time, { time, reason, heap: javascriptHeap, resourceUsage });
  }

  private store(time: string, report: object): string {
    const path = join(this.directory, `memory-${time.replaceAll(/[-:]|\.\d+/g, '')}.json`);
    writeFileSync(path, `${JSON.stringify(report, undefined, 2)}\n`, { mode: 0o600 });
    for (const name of this.names().slice(0, -MAX_MEMORY_REPORTS)) rmSync(join(this.directory, name), { force: true });
    return path;
  }

  /** Oldest first. */
  private names(): string[] {
    return readNames(this.directory)
      .filter((name) => NAME.test(name))
      .sort();
  }
}

function readJson(path: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}

function nameOf({ function: name, plugin }: Allocation): string {
  return plugin === undefined ? name : `the plugin ${plugin} (${name})`;
}

/** The functions that hold the most, largest first. */
export function allocationsOf(
  head: SamplingNode,
  pluginOf: (stack: string) => string | undefined,
): readonly Allocation[] {
  const found = new Map<string, { bytes: number; function: string; file: string; plugin?: string }>();
  const stack: { readonly node: SamplingNode; readonly caller: string | undefined }[] = [
    { node: head, caller: undefined },
  ];
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    const { functionName, url, lineNumber } = next.node.callFrame;
    const plugin = (url === '' ? undefined : pluginOf(url)) ?? next.caller;
    const file = url === '' ? 'native' : `${url}:${lineNumber + 1}`;
    const key = `${functionName} ${file} ${plugin}`;
    const entry = found.get(key) ?? {
      bytes: 0,
      function: functionName || '(anonymous)',
      file,
      ...(plugin !== undefined && { plugin }),
    };
    entry.bytes += next.node.selfSize;
    found.set(key, entry);
    for (const node of next.node.children) stack.push({ node, caller: plugin });
  }
  return [...found.values()]
    .filter(({ bytes }) => bytes > 0)
    .sort((a, b) => b.bytes - a.bytes)
    .slice(0, MAX_ALLOCATIONS);
}
