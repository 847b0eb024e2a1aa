import { definePlugin, duration, PLUGIN_API_VERSION, z } from '../../../kernel/contracts/index.js';
import { initProcess, PacedPart, PartsProbe, withoutController } from '../common/index.js';
import { processFields as fields } from './fields.js';
import { LimitsPart, ProcessPart, threadParts } from './parts.js';

const configSchema = z.strictObject({
  descriptorInterval: duration()
    .prefault('10s')
    .describe(
      'How often open files are counted, which takes a system call per open file, and limits read. 0s: at each sample.',
    ),
});

export default definePlugin({
  kind: 'metric-source',
  name: 'process',
  apiVersion: PLUGIN_API_VERSION,
  description: 'Processes, threads, open files, sockets and limits of each container.',
  configSchema,
  // Not skipped when idle: a program that came to rest may still have opened files before.
  create: (context, options) => ({
    fields: Object.values(fields),
    part: 'processes',
    attach(target) {
      const { cgroup } = target;
      const controller = (['cpu', 'memory', 'pids'] as const).find((name) => cgroup.directory(name) !== undefined);
      if (controller === undefined) return withoutController(target, 'cpu');
      const processes = new ProcessPart(target, {
        proc: context.linux.paths.proc,
        monotonic: () => context.clock.monotonic(),
        interval: options.descriptorInterval,
      });
      const init = initProcess(target, context);
      const limits =
        'absent' in init ? [] : [new PacedPart(new LimitsPart(init), options.descriptorInterval, context.clock)];
      return new PartsProbe([processes, ...threadParts(cgroup), ...limits]);
    },
  }),
});
