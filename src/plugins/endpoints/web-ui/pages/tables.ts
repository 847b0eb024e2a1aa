import type {
  Column,
  ContainerEvent,
  ContainerView,
  ProcessInfo,
  SampleCursor,
  StoredCapsule,
} from '../../../../kernel/contracts/index.js';
import { type Html, html } from '../shared/html.js';
import type { Links } from '../shared/links.js';
import { barOf } from '../shared/spark.js';
import { EVENT_WORDS } from '../shared/states.js';
import { byteRate, bytes, percent, UNKNOWN } from '../shared/units.js';
import type { PageRequest } from './page-request.js';

/** So many processes are shown, those that use most CPU time. */
const PROCESSES = 100;

/** `2026-11-25 14:02:03 UTC`; with a script the browser shows it in its own zone. @param micros µs since the epoch */
export function timeOf(micros: number): Html {
  const date = new Date(micros / 1000);
  if (Number.isNaN(date.getTime())) return html`unknown`;
  const iso = date.toISOString();
  return html`<time datetime="${iso}">${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC</time>`;
}

/** What a table is of, how many of those there are, and which it has if that is not all. */
export function countedHeading(what: string, all: number, shown: number, which: string): Html {
  return html`${what} <small>${all}</small>${shown < all && html` (the ${which})`}`;
}

/** A section with a table that scrolls on its own where it is wider than the page; nothing without rows. */
export function tableSection(
  id: string,
  heading: Html | string,
  columns: readonly string[],
  rows: readonly Html[],
): Html | undefined {
  if (rows.length === 0) return undefined;
  return html`<section id="${id}" data-renewed><h2>${heading}</h2><div class="scroll" role="region" aria-label="${id}" tabindex="0">
<table><thead><tr>${columns.map((column) => html`<th scope="col">${column}</th>`)}</tr></thead><tbody>
${rows}</tbody></table></div></section>`;
}

/** Labels as `name=value`. */
export function labelsOf(labels: Readonly<Record<string, string>>): Html[] {
  return Object.entries(labels).map(([name, value]) => html`<code>${name}=${value}</code> `);
}

/** A container's name, and the way to its page if it has one. */
function nameOf(name: string, { agent, links }: PageRequest): Html {
  return agent.container(name) === undefined ? html`${name}` : html`<a href="${links.container(name)}">${name}</a>`;
}

/** The processes directly in a container; of `/` all, with the container that each is in. */
export function processesSection(name: string, all: readonly ProcessInfo[], request: PageRequest): Html | undefined {
  const isRoot = name === '/';
  const processes = isRoot ? all : all.filter((process) => process.cgroup_path === name);
  const shown = [...processes].sort((a, b) => b.percent_cpu - a.percent_cpu || b.rss - a.rss).slice(0, PROCESSES);
  const which = `${shown.length} that use most CPU time`;
  const heading = countedHeading('Processes', processes.length, shown.length, which);
  if (shown.length === 0) {
    return html`<section id="processes" data-renewed><h2>${heading}</h2><p class="quiet">None directly in this cgroup.</p></section>`;
  }
  const columns = ['PID', 'User', 'CPU', 'Memory', 'RSS', 'Virtual', 'State', 'Started', 'CPU time', 'Command'];
  if (isRoot) columns.push('Cgroup');
  const rows = shown.map((process) => processRow(process, isRoot, request));
  return tableSection('processes', heading, columns, rows);
}

function processRow(process: ProcessInfo, isRoot: boolean, request: PageRequest): Html {
  const { pid, parent_pid, user, percent_cpu, percent_mem, rss, virtual_size, status, start_time, running_time, cmd } =
    process;
  const cgroup = process.cgroup_path;
  return html`<tr><th scope="row" class="number" title="parent: ${parent_pid}">${pid}</th><td>${user}</td><td class="number">${percent(percent_cpu)}</td><td class="number">${percent(percent_mem)}</td><td class="number">${bytes(rss)}</td><td class="number">${bytes(virtual_size)}</td><td>${status}</td><td>${start_time}</td><td class="number">${running_time}</td><td><code class="command">${cmd}</code></td>${
    isRoot && html`<td>${cgroup === '' ? UNKNOWN : nameOf(cgroup, request)}</td>`
  }</tr>
`;
}

/** @param events oldest first */
export function eventsSection(events: readonly ContainerEvent[], request: PageRequest): Html | undefined {
  const rows = [...events].reverse().map(
    (event) =>
      html`<tr><td>${timeOf(event.time)}</td><td>${EVENT_WORDS[event.type]}</td><td>${nameOf(event.containerName, request)}</td><td>${eventDetail(event)}</td></tr>
`,
  );
  return tableSection('events', 'Recent events', ['Time', 'Event', 'Container', 'Details'], rows);
}

function eventDetail({ oom, exitCode }: ContainerEvent): string {
  if (oom !== undefined) return `${oom.processName} (${oom.pid})${oom.constraint ? `, ${oom.constraint}` : ''}`;
  return exitCode === undefined || exitCode < 0 ? '' : `exit code ${exitCode}`;
}

type Part = 'filesystem' | 'network';

/** The numbers of a part of a sample by its first label, a device or an interface, and by name. */
function partIn({ layout, values, base }: SampleCursor, part: Part) {
  const found = new Map<string, { attributes: Column['attributes']; numbers: Map<string, number> }>();
  for (const [column, { field, labels, attributes }] of layout.columns.entries()) {
    if (!field.name.startsWith(`${part}.`)) continue;
    const label = labels?.[0] ?? '';
    const one = found.get(label) ?? { attributes, numbers: new Map<string, number>() };
    found.set(label, one);
    one.numbers.set(field.name.slice(part.length + 1), values[base + column]!);
  }
  return found;
}

/**
 * The newest numbers of a part by its first label, with those of the sample before.
 * @param keys what has none of these numbers is left out
 */
function numbersOf(container: ContainerView, part: Part, keys: readonly string[]) {
  const window = container.samples({ count: 2 });
  if (window.length === 0) return [];
  const newest = window.at(window.length - 1, {} as SampleCursor);
  const older = window.length > 1 ? window.at(0, {} as SampleCursor) : undefined;
  const before = older && partIn(older, part);
  const seconds = (newest.time - (older?.time ?? 0)) / 1e6;
  // A mount that is gone keeps its columns until the next look at all mounts, without numbers.
  return [...partIn(newest, part)]
    .map(([label, { attributes, numbers: now }]) => ({
      label,
      attributes,
      now,
      before: before?.get(label)?.numbers,
      seconds,
    }))
    .filter(({ now }) => keys.some((key) => Number.isFinite(now.get(key))));
}

export function filesystemsSection(container: ContainerView): Html | undefined {
  const all = numbersOf(container, 'filesystem', ['usage', 'capacity']);
  const rows = all.map(({ label, attributes, now }) => {
    const [usage = Number.NaN, capacity = Number.NaN] = [now.get('usage'), now.get('capacity')];
    const share = usage / capacity;
    const inodes = now.get('inodes') ?? Number.NaN;
    return html`<tr><th scope="row">${label || attributes?.mountpoint || UNKNOWN}</th><td class="number">${bytes(usage)}</td><td class="number">${bytes(capacity)}</td><td>${
      Number.isFinite(share) && html`${percent(share * 100)} ${barOf(share, 'Share in use')}`
    }</td><td class="number">${inodes > 0 ? inodes : UNKNOWN}</td></tr>
`;
  });
  return tableSection('filesystems', 'Filesystems', ['Device', 'Used', 'Size', 'In use', 'Inodes'], rows);
}

/** Seconds. Samples that are closer give no rate: two are 1 µs apart when the clock was set back between them. */
const SHORTEST = 0.01;

export function interfacesSection(container: ContainerView): Html | undefined {
  const all = numbersOf(container, 'network', ['rx_bytes']);
  const rows = all.map(({ label, now, before, seconds }) => {
    const rate = (name: string): number => {
      const growth = (now.get(name) ?? Number.NaN) - (before?.get(name) ?? Number.NaN);
      // The counter may have begun anew.
      return seconds >= SHORTEST && growth >= 0 ? growth / seconds : Number.NaN;
    };
    const sum = (...names: string[]): number => names.reduce((total, name) => total + (now.get(name) ?? 0), 0);
    return html`<tr><th scope="row">${label}</th><td class="number">${byteRate(rate('rx_bytes'))}</td><td class="number">${byteRate(rate('tx_bytes'))}</td><td class="number">${bytes(sum('rx_bytes'))}</td><td class="number">${bytes(sum('tx_bytes'))}</td><td class="number">${sum('rx_errors', 'tx_errors')}</td><td class="number">${sum('rx_dropped', 'tx_dropped')}</td></tr>
`;
  });
  const columns = ['Interface', 'Receives', 'Sends', 'Received', 'Sent', 'Errors', 'Dropped'];
  return tableSection('interfaces', 'Network interfaces', columns, rows);
}

/** So many capsules are shown. */
const CAPSULES = 50;

/** The capsules of containers that ended badly, the newest first. */
export function capsulesSection(capsules: readonly StoredCapsule[], links: Links): Html | undefined {
  const shown = capsules.slice(-CAPSULES).reverse();
  const rows = shown.map(({ id, label, image, createdAt, reasons, bytes: size }) => {
    const why = reasons.map(({ text }) => text).join(', ');
    return html`<tr><th scope="row">${label}</th><td><code>${image ?? UNKNOWN}</code></td><td>${why}</td><td>${timeOf(createdAt)}</td><td><a href="${links.api('capsules', `/${id}`)}" download>${bytes(size)}</a></td></tr>
`;
  });
  const heading = countedHeading('Capsules', capsules.length, shown.length, `${shown.length} newest`);
  return tableSection('capsules', heading, ['Name', 'Image', 'Why', 'Written', 'File'], rows);
}
