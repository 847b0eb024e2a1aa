import type { Row } from '../../client/top/index.js';
import type { z } from '../../kernel/contracts/index.js';
import type { detail } from '../../plugins/endpoints/top/schema.js';
import type { Style } from './style.js';
import { count, fit, line, percent, size, sparkline, UNKNOWN } from './text.js';

type Series = readonly (number | null)[];

/** What `/api/top/<path>` says of a container. */
export type Detail = Extract<z.output<typeof detail>, { app_metrics: unknown }>;

const LABEL_WIDTH = 12;
const VALUE_WIDTH = 16;
const RUN_OF_EVENTS = 8;

/** The lines of a container's own screen, without its frame. */
export function detailLines(row: Row, detail: Detail | undefined, width: number, style: Style): string[] {
  const { facts } = row;
  const { state, health, exit_code, exit_reason, restarts, image, runtime, container_id, project, pod } = facts;
  const states = [state, health, exit_code !== undefined && `exit code ${exit_code}`, exit_reason];
  const what = [
    ['state', states.filter(Boolean).join(', ')],
    ['image', image],
    ['runtime', runtime && [runtime, container_id?.slice(0, 12)].join(' ')],
    ['group', project ?? pod],
    ['restarts', restarts === undefined ? undefined : String(restarts)],
    ['cgroup', facts.path],
  ] as const;
  const lines = what.flatMap(([term, text]) => (text ? [field(term, text, width)] : []));
  const labels = Object.entries(facts.labels).map(([name, text]) => `${name}=${text}`);
  if (labels.length > 0) lines.push(field('labels', labels.join(' '), width));
  lines.push('');
  if (detail === undefined) return [...lines, 'waiting for the agent'];
  lines.push(...charts(row, detail, width, style), '');
  lines.push(...processLines(detail, width, style));
  if (detail.events.length > 0) lines.push('', style.bold('EVENTS'), ...eventLines(detail, width));
  const missing = (detail.missing ?? []).map(({ what: lack, reason }) => fit(`${lack}: ${reason}`, width));
  if (missing.length > 0) lines.push('', style.bold('NOT MEASURED'), ...missing);
  return lines;
}

function field(term: string, text: string, width: number): string {
  return fit(`${term.padEnd(LABEL_WIDTH)}${line(text)}`, width);
}

function charts(row: Row, detail: Detail, width: number, style: Style): string[] {
  const ofLimit = (used: number | null, limit: number | null, text: (value: number | null) => string) =>
    limit === null ? text(used) : `${text(used)} of ${text(limit)}`;
  const percents = (share: number | null) => `${percent(share)}%`;
  const rows: readonly (readonly [string, string, Series, (number | null)?])[] = [
    ['cpu', ofLimit(row.cpu, row.cpu_limit, percents), detail.cpu, row.cpu_limit],
    ['throttled', percents(row.throttled), detail.throttled, 1],
    ['memory', ofLimit(row.memory, row.memory_limit, size), detail.memory, row.memory_limit],
    ['psi cpu', pressureText(row.pressure_cpu), detail.pressure_cpu, 100],
    ['psi memory', pressureText(row.pressure_memory), detail.pressure_memory, 100],
    ['psi io', pressureText(row.pressure_io), detail.pressure_io, 100],
    ['read', `${size(row.disk_read)}/s`, detail.disk_read],
    ['write', `${size(row.disk_write)}/s`, detail.disk_write],
    ['receive', `${size(row.network_receive)}/s`, detail.network_receive],
    ['send', `${size(row.network_transmit)}/s`, detail.network_transmit],
  ];
  const cells = Math.max(1, Math.min(detail.times.length, width - LABEL_WIDTH - VALUE_WIDTH - 1));
  return rows
    .filter(([, , series]) => series.some((value) => value !== null))
    .map(([term, text, series, top]) => {
      const bars = sparkline(series, cells, top ?? undefined);
      return `${style.dim(term.padEnd(LABEL_WIDTH))}${fit(text, VALUE_WIDTH, true)} ${bars}`;
    });
}

function pressureText(value: number | null): string {
  return value === null ? UNKNOWN : `${percent(value / 100)}%`;
}

function processLines({ processes = [], process_count }: Detail, width: number, style: Style): string[] {
  const left = (process_count ?? 0) - processes.length;
  const title = `${'PID'.padStart(8)} ${'USER'.padEnd(10)} STAT   CPU%   RSS      TIME COMMAND`;
  const sorted = [...processes].sort((a, b) => b.percent_cpu - a.percent_cpu || b.rss - a.rss);
  const lines = sorted.map(({ pid, user, cmd, status, percent_cpu, rss, running_time }) =>
    fit(
      `${count(pid).padStart(8)} ${fit(user, 10)} ${fit(status, 4)} ${percent_cpu.toFixed(1).padStart(6)} ${size(rss).padStart(5)} ${fit(running_time, 9, true)} ${line(cmd)}`,
      width,
    ),
  );
  if (left > 0) lines.push(`and ${left} more`);
  return [style.bold(fit(title, width)), ...(lines.length === 0 ? ['none'] : lines)];
}

function eventLines({ events }: Detail, width: number): string[] {
  return [...events]
    .reverse()
    .slice(0, RUN_OF_EVENTS)
    .map(({ time, type, text }) => fit(`${clockTime(time / 1000)} ${type} ${line(text)}`, width));
}

/** The time of day. @param ms since the epoch */
export function clockTime(ms: number): string {
  return new Date(ms).toTimeString().slice(0, 8);
}
