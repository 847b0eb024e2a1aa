import { type ContainerView, groupingOf, type MachineInfo } from '../../../../kernel/contracts/index.js';
import { finiteLimit } from '../../common/index.js';
import { seriesOf } from '../../top/index.js';
import { type Html, type HtmlValue, html } from '../shared/html.js';
import { barOf } from '../shared/spark.js';
import { bytes, cores, percent } from '../shared/units.js';
import { limitsOf } from './charts.js';
import type { PageRequest } from './page-request.js';
import { timeOf } from './tables.js';

type Fact = readonly [term: string, value: HtmlValue];

/** A list of terms; those without a value are left out. */
export function factList(facts: readonly Fact[]): Html {
  const known = facts.filter(([, value]) => value !== undefined && value !== '' && value !== false);
  return html`<dl class="facts">${known.map(([term, value]) => html`<div><dt>${term}</dt><dd>${value}</dd></div>`)}</dl>`;
}

/** Who a container is. Environment variables are private and never here. */
export function identityFacts({ name, description, createdAt }: ContainerView): Fact[] {
  const { id, aliases, namespace, image, imageId, state, stale } = description;
  const grouping = groupingOf(description);
  return [
    ['Cgroup', html`<code>${name}</code>`],
    ['Namespace', namespace],
    ['Also called', aliases.length > 0 && aliases.map((alias, i) => html`${i > 0 && ', '}<code>${alias}</code>`)],
    ['Id', id !== undefined && !aliases.includes(id) && html`<code>${id}</code>`],
    ['Group', grouping && html`${grouping.group} <small>${grouping.orchestrator}</small>`],
    ['Image', image !== undefined && html`<code>${image}</code>`],
    ['Image id', imageId !== undefined && html`<code>${imageId}</code>`],
    ['State', namespace !== undefined && stateText(state)],
    ['Restarts', description.restartCount],
    ['Network', namespace !== undefined && networkText(description)],
    ['Addresses', description.addresses?.join(', ')],
    ['Created', createdAt > 0 && timeOf(createdAt)],
    ['Started', state.startedAt !== undefined && timeOf(state.startedAt)],
    ['Note', stale && 'its runtime cannot be reached: this is the last that it said'],
  ];
}

/** `running, unhealthy (3 checks failed)` */
export function stateText({
  status,
  health,
  exitCode,
  oomKilled,
  reason,
}: ContainerView['description']['state']): string {
  const streak = health?.failingStreak ?? 0;
  const checks = streak > 0 ? ` (${streak} ${streak === 1 ? 'check' : 'checks'} failed)` : '';
  return [
    status,
    health && `${health.status}${checks}`,
    exitCode !== undefined && status !== 'running' && `exit code ${exitCode}`,
    reason !== undefined && status !== 'running' && reason,
    oomKilled && 'killed for lack of memory',
  ]
    .filter(Boolean)
    .join(', ');
}

function networkText({ networkMode, networkOf }: ContainerView['description']): string {
  if (networkMode === 'host') return 'the host’s: its numbers are those of the host';
  if (networkMode === 'shared') return `that of ${networkOf ?? 'another container'}, and counted there`;
  return networkMode === 'own' ? 'its own' : 'none';
}

/** What a container may use. */
export function limitFacts(container: ContainerView, request: PageRequest): Fact[] {
  const { hasCpu, cpu, hasMemory, memory, hasProcesses, processes } = container.limits();
  const size = (limit: number | undefined): string => (limit === undefined ? 'none' : bytes(limit));
  const quota = limitsOf(container, request).cores;
  const isRoot = container.name === '/';
  const [reservation, swap] = [memory.reservation, memory.swapLimit].map(finiteLimit);
  return [
    [
      'CPU limit',
      hasCpu && !isRoot && (quota === undefined ? 'none' : `${cores(quota)} (${cpu.quota} µs in ${cpu.period} µs)`),
    ],
    ['CPU shares', hasCpu && cpu.limit],
    ['CPUs', cpu.mask],
    [isRoot ? 'Memory' : 'Memory limit', hasMemory && size(finiteLimit(memory.limit))],
    ['Memory reservation', reservation !== undefined && size(reservation)],
    [isRoot ? 'Swap' : 'Swap limit', swap !== undefined && size(swap)],
    ['Process limit', hasProcesses && (finiteLimit(processes.limit) ?? 'none')],
  ];
}

/** How much of its limits it uses. */
export function usageFacts(container: ContainerView, request: PageRequest): Fact[] {
  const series = seriesOf(container);
  const memory = series.memory.at(-1) ?? Number.NaN;
  const throttled = series.throttled.at(-1) ?? Number.NaN;
  const hasQuota = container.limits().cpu.quota !== undefined;
  const limit = limitsOf(container, request).memory ?? Number.NaN;
  const share = memory / limit;
  const text = `${bytes(memory)} of ${bytes(limit)} (${percent(share * 100)})`;
  return [
    [
      'Memory in use',
      Number.isFinite(share) &&
        html`<span data-memory-text>${text}</span> ${barOf(share, 'Share of the memory limit')}`,
    ],
    ['CPU quota', hasQuota && Number.isFinite(throttled) && `throttled in ${percent(throttled * 100)} of the periods`],
  ];
}

/** The machine that the root container stands for. */
export function machineFacts(
  machine: MachineInfo,
  versions: { readonly kernelVersion: string; readonly osVersion: string },
): Fact[] {
  const { num_cores, cpu_frequency_khz, topology, machine_id } = machine;
  return [
    ['Operating system', versions.osVersion],
    ['Kernel', versions.kernelVersion],
    ['CPUs', `${num_cores}${cpu_frequency_khz > 0 ? ` at ${(cpu_frequency_khz / 1e6).toFixed(2)} GHz` : ''}`],
    ['NUMA nodes', topology.length > 1 && topology.length],
    ['Memory', machine.memory_capacity > 0 && bytes(machine.memory_capacity)],
    ['Swap', machine.swap_capacity > 0 && bytes(machine.swap_capacity)],
    ['Machine id', machine_id !== '' && html`<code>${machine_id}</code>`],
  ];
}

/** Labels, folded away where they are many. */
export function labelsBlock(labels: Readonly<Record<string, string>>): Html | undefined {
  const entries = Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1));
  if (entries.length === 0) return undefined;
  return html`<details${entries.length <= 5 && html` open`}><summary>${entries.length} ${entries.length === 1 ? 'label' : 'labels'}</summary>
<dl class="facts labels">${entries.map(([key, value]) => html`<div><dt><code>${key}</code></dt><dd><code>${value}</code></dd></div>`)}</dl></details>`;
}
