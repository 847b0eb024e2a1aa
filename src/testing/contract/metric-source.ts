import { readdirSync } from 'node:fs';
import type { MetricSource, Probe } from '../../kernel/contracts/index.js';
import { SampleRow } from '../../kernel/history/index.js';
import { AnyCgroup, ODD_CONTENTS } from './any-cgroup.js';
import { type Check, type CheckSetup, Problems } from './check.js';
import { checkColumns, checkFields } from './field-rules.js';
import { whileStarted } from './life.js';

const OUTCOMES: readonly unknown[] = ['ok', 'layout-changed', 'ended'];
const SAMPLES = 4;

/** Checks of a metric source: its fields, and its probes on malformed and removed cgroups. */
export function metricSourceChecks(setup: CheckSetup): Check[] {
  return [
    {
      name: 'declares its fields completely',
      run: () => withSource(setup, '', 2, ({ source, problems }) => checkFields(source, problems)),
    },
    ...([1, 2] as const).map((version) => ({
      name: `survives odd files (cgroup v${version})`,
      run: () => oddFileProblems(setup, version),
    })),
    {
      name: 'survives the end of a container',
      run: async () => [...(await withSource(setup, '4096\n', 1, end)), ...(await withSource(setup, '4096\n', 2, end))],
    },
    {
      name: 'closes its files',
      run: async () => [...(await fileProblems(setup, 1)), ...(await fileProblems(setup, 2))],
    },
  ];
}

interface Bench {
  readonly source: MetricSource;
  readonly cgroup: AnyCgroup;
  readonly problems: Problems;
}

async function withSource(
  setup: CheckSetup,
  content: string | undefined,
  version: 1 | 2,
  look: (bench: Bench) => void,
): Promise<string[]> {
  const cgroup = new AnyCgroup(version, content);
  const problems = new Problems();
  try {
    await whileStarted(setup, { linux: cgroup.linux }, ({ instance }) =>
      look({ source: instance as MetricSource, cgroup, problems }),
    );
  } finally {
    cgroup.remove();
  }
  return problems.list();
}

async function oddFileProblems(setup: CheckSetup, version: 1 | 2): Promise<string[]> {
  const found: string[] = [];
  for (const [what, content] of Object.entries(ODD_CONTENTS)) {
    const problems = await withSource(setup, content, version, (bench) => {
      const probe = attach(bench);
      if (probe === undefined) return;
      sample(bench, probe);
      bench.problems.attempt('close', () => probe.close());
    });
    found.push(...problems.map((problem) => `when ${what}: ${problem}`));
  }
  return found;
}

function end(bench: Bench): void {
  const probe = attach(bench);
  if (probe === undefined) return;
  sample(bench, probe);
  bench.cgroup.removeCgroup();
  sample(bench, probe);
  bench.problems.attempt('close', () => probe.close());
}

/** @returns the probe; undefined when there is none, or `attach` failed */
function attach({ source, cgroup, problems }: Bench): Probe | undefined {
  const result = problems.attempt('attach', () => source.attach(cgroup.target()));
  if (result === undefined) return undefined;
  if (!('absent' in result)) return result;
  if (typeof result.absent !== 'string' || result.absent === '') problems.add('attach does not say what is absent');
  return undefined;
}

function sample({ source, problems }: Bench, probe: Probe): void {
  const row = new SampleRow();
  for (let round = 0; round < SAMPLES; round++) {
    checkColumns(probe.columns, source, problems);
    const width = probe.columns.length;
    row.begin(width + 1);
    const outcome = problems.attempt('sample', () => probe.sample(row));
    if (outcome === undefined || outcome === 'ended') return;
    if (!OUTCOMES.includes(outcome)) problems.add(`sample answers ${JSON.stringify(outcome)}`);
    if (!Number.isNaN(row.values[width])) problems.add('sample writes beyond its columns');
    problems.attempt('activity', () => probe.activity?.());
  }
}

function fileProblems(setup: CheckSetup, version: 1 | 2): Promise<string[]> {
  return withSource(setup, '4096\n', version, (bench) => {
    const before = openFiles();
    for (let round = 0; round < 2; round++) {
      const probe = attach(bench);
      if (probe === undefined) return;
      sample(bench, probe);
      bench.problems.attempt('close', () => probe.close());
    }
    if (openFiles() > before) bench.problems.add('a probe leaves files open after close');
  });
}

function openFiles(): number {
  return readdirSync('/proc/self/fd').length;
}
