import type { Layout } from '../../../kernel/contracts/index.js';
import { labelOf, membersOf, type RowPrinterBuilder } from '../row-printer.js';
import { PROCESS_KEYS, TASKS } from './keys.js';

const COUNTS = membersOf('processes.', PROCESS_KEYS);

/** Whether processes are collected; otherwise no zeros are printed. */
export function hasProcesses(layout: Layout): boolean {
  return layout.columns.some(({ field }) => field.name.startsWith('processes.'));
}

export function processes(b: RowPrinterBuilder, layout: Layout): void {
  b.text('{').members(layout, COUNTS);
  for (const key of ['threads_current', 'threads_max']) {
    const column = layout.indexOf(`processes.${key}`);
    b.ifPositive(column, () => b.text(`,"${key}":`).integer(column));
  }
  const soft = layout.indexesOf('processes.ulimit.soft');
  const hard = layout.indexesOf('processes.ulimit.hard');
  b.ifPresent(soft[0] ?? -1, () => {
    b.text(',"ulimits":[').list(soft.entries(), ([index, column]) => {
      b.text('{"name":').string(labelOf(layout, column));
      b.text(',"soft_limit":').integer(column);
      b.text(`,"hard_limit":`).integer(hard[index] ?? -1);
      b.text('}');
    });
    b.text(']');
  });
  b.text('}');
}

/** The `task_stats` object of a sample (`load_stats` in v2). */
export function taskStates(b: RowPrinterBuilder, layout: Layout): void {
  b.text('{').members(layout, TASKS).text('}');
}
