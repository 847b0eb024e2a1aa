import type { Comparison } from './comparison.js';
import type { Cost } from './metrics.js';

export function reportOf({ questions, agree, onPurpose, differ, missingForDashboards, cost }: Comparison): string {
  const lines = [`${questions} questions: ${agree} answered alike by both`, ''];
  if (onPurpose.length > 0) {
    lines.push('Differs on purpose (docs/compatibility.md):');
    for (const { row, count, example } of onPurpose) {
      lines.push(`  ${row}: ${count} times, such as ${example.question}${placeOf(example.path)}`);
    }
    lines.push('');
  }
  if (differ.length > 0) {
    lines.push('Differs:');
    for (const each of differ) {
      const what = 'kind' in each ? `${each.kind}${placeOf(each.path)}` : `${each.family}: ${each.what}`;
      lines.push(`  ${each.question}  ${what}`, `    old: ${each.old}`, `    new: ${each.new}`);
    }
    lines.push('');
  }
  if (missingForDashboards.length > 0)
    lines.push(`Metrics that dashboards miss: ${missingForDashboards.join(', ')}`, '');
  lines.push(`Cost while asked  old: ${costText(cost.old)}`, `                  new: ${costText(cost.new)}`);
  lines.push(
    differ.length === 0 ? 'Nothing differs but on purpose.' : `${differ.length} differences are not explained.`,
  );
  return `${lines.join('\n')}\n`;
}

function placeOf(path: string): string {
  return path === '' ? '' : ` ${path}`;
}

function costText({ cpu, memory, scrapeSeconds }: Cost): string {
  const parts = [
    cpu === undefined ? 'CPU not known' : `${(cpu * 1000).toFixed(1)} ms of CPU per second`,
    memory === undefined ? 'memory not known' : `${(memory / 2 ** 20).toFixed(0)} MiB`,
    `/metrics in ${(scrapeSeconds * 1000).toFixed(0)} ms`,
  ];
  return parts.join(', ');
}
