import { type ByteWriter, quoteJson } from '../../kernel/contracts/bytes/index.js';
import {
  type ContainerView,
  type DerivedStats,
  notFound,
  type Percentiles,
  type UsageSummary,
} from '../../kernel/contracts/index.js';

/** The containers that have a summary. @throws RequestError 404 when none has */
export function withSummary(containers: readonly ContainerView[]): readonly ContainerView[] {
  const able = containers.filter((container) => container.has('cpu') || container.has('memory'));
  if (able.length === 0 && containers.length > 0) throw notFound(`partial failures: ${failures(containers)}`);
  return able;
}

function failures(containers: readonly ContainerView[]): string {
  return containers
    .map(({ name }) => `[${quoteJson(name)}: DerivedStats: derived stats not enabled for container ${quoteJson(name)}]`)
    .join(', ');
}

/** DerivedStats; zeros for a container before its first sample, or one that was removed while the answer is written. */
export function writeSummary(out: ByteWriter, stats: DerivedStats | undefined): void {
  out.ascii('{"timestamp":');
  out.time(stats?.time ?? 0);
  out.ascii(',"latest_usage":{"cpu":');
  out.integer(stats?.latest.cpu ?? 0);
  out.ascii(',"memory":');
  out.integer(stats?.latest.memory ?? 0);
  out.ascii('}');
  for (const period of ['minute', 'hour', 'day'] as const) {
    out.ascii(`,"${period}_usage":`);
    writeUsage(out, stats?.[period]);
  }
  out.ascii('}');
}

function writeUsage(out: ByteWriter, usage: UsageSummary | undefined): void {
  out.ascii(`{"percent_complete":${Math.trunc(usage?.percentComplete ?? 0)},"cpu":`);
  writePercentiles(out, usage?.cpu);
  out.ascii(',"memory":');
  writePercentiles(out, usage?.memory);
  out.ascii('}');
}

function writePercentiles(out: ByteWriter, numbers: Percentiles | undefined): void {
  out.ascii(`{"present":${numbers?.present ?? false}`);
  for (const key of ['mean', 'std', 'max', 'fifty', 'ninety', 'ninetyfive', 'count'] as const) {
    out.ascii(`,"${key}":`);
    out.integer(numbers?.[key] ?? 0);
  }
  out.ascii('}');
}
