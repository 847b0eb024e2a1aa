import { ByteScanner } from '../../../kernel/contracts/bytes/index.js';
import {
  type CgroupFiles,
  type Column,
  definePlugin,
  type LinuxHost,
  PLUGIN_API_VERSION,
  type PluginContext,
  type Probe,
  type ProbeTarget,
  type RowWriter,
  z,
} from '../../../kernel/contracts/index.js';
import {
  ActiveProbe,
  DerivedPart,
  FreshRead,
  KeyedPart,
  type Missing,
  type Part,
  type PartOutcome,
  PartsLayouts,
  PartsProbe,
  StandingPart,
  ValuePart,
  withoutController,
} from '../common/index.js';
import { EVENT_KEYS, fields, STAT_KEYS_V1, STAT_KEYS_V2 } from './fields.js';

const SWAP_TOTAL = Buffer.from('SwapTotal:');
const SWAP_FREE = Buffer.from('SwapFree:');
const KIB = 1024;
/** cgroup v1 shows the largest number of bytes that it can count, rounded down to whole pages, where there is no limit. */
const UNLIMITED = 2 ** 62;

/** Swap in use in bytes, from `/proc/meminfo`; NaN when a line is missing. */
export function swapInUse(scanner: ByteScanner): number {
  let total = Number.NaN;
  let free = Number.NaN;
  do {
    if (scanner.literal(SWAP_TOTAL)) total = numberAfterSpaces(scanner);
    else if (scanner.literal(SWAP_FREE)) free = numberAfterSpaces(scanner);
  } while (scanner.nextLine());
  return (total - free) * KIB;
}

function numberAfterSpaces(scanner: ByteScanner): number {
  scanner.skipSpaces();
  return scanner.integer() ? scanner.value : Number.NaN;
}

/** The machine's swap: the v2 root has no `memory.swap.current`. */
export class RootSwapPart implements Part {
  readonly columns: readonly Column[];
  private readonly scanner = new ByteScanner();

  constructor(
    column: Column,
    private readonly host: LinuxHost,
  ) {
    this.columns = [column];
  }

  sample(row: RowWriter, base: number): PartOutcome {
    const length = this.host.readProc('meminfo');
    if (length < 0) return 'ok';
    this.scanner.reset(this.host.buffer, length);
    const used = swapInUse(this.scanner);
    if (!Number.isNaN(used)) row.set(base, used);
    return 'ok';
  }

  close(): void {}
}

type Context = Pick<PluginContext, 'clock' | 'linux'>;

const configSchema = z.strictObject({
  kernelMemory: z
    .boolean()
    .default(true)
    .describe('Read memory.kernel on cgroup v1, which takes one more file per sample. On v2 it is free.'),
});

/** Whether the numbers of v1 cgroups include those of the cgroups below: always, when it is so for the root. */
class HierarchyUse {
  private isUsedByRoot = false;

  isUsedBy({ cgroup, isRoot }: ProbeTarget): boolean {
    if (this.isUsedByRoot) return true;
    const isUsed = cgroup.text('memory', 'memory.use_hierarchy') === '1';
    if (isRoot) this.isUsedByRoot = isUsed;
    return isUsed;
  }
}

/** What probes have in common: reads by kind of file, and their columns. */
interface Shared {
  readonly usage: FreshRead;
  readonly stats: FreshRead;
  readonly layouts: PartsLayouts;
}

type MemoryOptions = z.output<typeof configSchema>;

/** One list for each field, shared by all containers. */
const COLUMNS = {
  usage: [{ field: fields.usage }],
  workingSet: [{ field: fields.workingSet }],
  maxUsage: [{ field: fields.maxUsage }],
  failcnt: [{ field: fields.failcnt }],
  kernel: [{ field: fields.kernel }],
  swap: [{ field: fields.swap }],
} as const;

/** Usage minus inactive page cache, at least 0; the usage when the inactive part is unknown. */
class WorkingSetPart extends DerivedPart {
  readonly columns = COLUMNS.workingSet;
  private readonly index: number;

  constructor(
    private readonly usage: ValuePart | DerivedPart,
    private readonly stat: KeyedPart | undefined,
    inactiveKey: string,
  ) {
    super();
    this.index = stat?.file.keys.indexOf(inactiveKey) ?? -1;
  }

  get current(): number {
    const { usage, stat } = this;
    const inactive = stat?.good ? stat.file.values[this.index]! : Number.NaN;
    return Number.isNaN(inactive) ? usage.current : Math.max(0, usage.current - inactive);
  }
}

function openValue(cgroup: CgroupFiles, column: keyof typeof COLUMNS, name: string): ValuePart | undefined {
  const file = cgroup.value('memory', name);
  return file === undefined ? undefined : new ValuePart(COLUMNS[column], file);
}

/** Only a limit can be reached. */
class FailuresPart extends StandingPart<ValuePart> {
  protected override hasNotMoved(): boolean {
    return this.part.current === 0;
  }

  protected override cannotMove(cgroup: CgroupFiles): boolean {
    return Number(cgroup.text('memory', 'memory.limit_in_bytes')) >= UNLIMITED;
  }
}

function openFailures(cgroup: CgroupFiles): Part | undefined {
  const failures = openValue(cgroup, 'failcnt', 'memory.failcnt');
  return failures && new FailuresPart(failures, cgroup);
}

/** A probe whose usage file also serves as its activity. */
function withUsageFile(
  { cgroup }: ProbeTarget,
  { usage: fresh, layouts }: Shared,
  usageName: string,
  stat: KeyedPart | undefined,
  inactiveKey: string,
  others: readonly (Part | undefined)[],
): Probe | undefined {
  const file = cgroup.value('memory', usageName);
  if (file === undefined) return undefined;
  const usage = new ValuePart(COLUMNS.usage, file, fresh);
  const workingSet = new WorkingSetPart(usage, stat, inactiveKey);
  const parts = [usage, stat, workingSet, ...others].filter((part) => part !== undefined);
  const options = { skipWhenIdle: true, missing: missingOf(parts), layouts };
  return new ActiveProbe(parts, file, fresh, 'usage', options);
}

function missingOf(parts: readonly Part[]): readonly Missing[] {
  return parts.flatMap((part) => (part instanceof KeyedPart ? part.missing : []));
}

function attachV1(
  target: ProbeTarget,
  shared: Shared,
  hierarchy: HierarchyUse,
  options: MemoryOptions,
): Probe | undefined {
  const { cgroup } = target;
  const keys = STAT_KEYS_V1[hierarchy.isUsedBy(target) ? 'hierarchical' : 'own'];
  const stat = KeyedPart.open(cgroup, 'memory', 'memory.stat', keys, shared.stats);
  return withUsageFile(target, shared, 'memory.usage_in_bytes', stat, 'total_inactive_file', [
    openValue(cgroup, 'maxUsage', 'memory.max_usage_in_bytes'),
    openFailures(cgroup),
    options.kernelMemory ? openValue(cgroup, 'kernel', 'memory.kmem.usage_in_bytes') : undefined,
  ]);
}

function attachV2(target: ProbeTarget, shared: Shared, context: Context): Probe | undefined {
  const { cgroup } = target;
  const stat = KeyedPart.open(cgroup, 'memory', 'memory.stat', STAT_KEYS_V2, shared.stats);
  if (target.isRoot) return stat === undefined ? undefined : rootV2(stat, context);
  return withUsageFile(target, shared, 'memory.current', stat, 'inactive_file', [
    openValue(cgroup, 'maxUsage', 'memory.peak'),
    openValue(cgroup, 'swap', 'memory.swap.current'),
    KeyedPart.open(cgroup, 'memory', 'memory.events', EVENT_KEYS),
  ]);
}

class RootUsagePart extends DerivedPart {
  readonly columns = COLUMNS.usage;

  constructor(private readonly stat: KeyedPart) {
    super();
  }

  get current(): number {
    const { keys, values } = this.stat.file;
    return this.stat.good ? values[keys.indexOf('anon')]! + values[keys.indexOf('file')]! : Number.NaN;
  }
}

/** The v2 root has `memory.stat` only: its usage is anonymous memory plus page cache, its swap the machine's. */
function rootV2(stat: KeyedPart, { linux }: Context): Probe {
  const usage = new RootUsagePart(stat);
  const workingSet = new WorkingSetPart(usage, stat, 'inactive_file');
  const parts = [stat, usage, workingSet, new RootSwapPart({ field: fields.swap }, linux)];
  return new PartsProbe(parts, { skipWhenIdle: true, missing: stat.missing });
}

export default definePlugin({
  kind: 'metric-source',
  name: 'memory',
  apiVersion: PLUGIN_API_VERSION,
  description: 'Memory of each container: usage, working set, cache, swap, page faults, reclaim.',
  configSchema,
  create(context, options) {
    const hierarchy = new HierarchyUse();
    const { clock } = context;
    const shared = { usage: new FreshRead(clock), stats: new FreshRead(clock), layouts: new PartsLayouts() };
    return {
      fields: Object.values(fields),
      part: 'memory',
      attach(target) {
        const probe =
          target.cgroup.version === 1
            ? attachV1(target, shared, hierarchy, options)
            : attachV2(target, shared, context);
        return probe ?? withoutController(target, 'memory');
      },
    };
  },
});
