import type { Command } from 'commander';
import type { AnswerFlags, AskFlags } from './agent-client/options.js';
import { addAskOptions } from './agent-client/options.js';
import type { ExportFlags } from './commands/capsules-export.js';
import type { CliEnvironment, Perform } from './environment.js';
import type { ConfigFlags } from './flags.js';

const URL_TEXT = 'address of the agent; default: the one on this host';

export function addCapsuleCommands(program: Command, cli: CliEnvironment, perform: Perform): void {
  const record = program
    .command('record')
    .description('write a capsule of a container now, and print its id')
    .argument('<container>', 'absolute name, alias, id or unit');
  addAskOptions(record, URL_TEXT).action((container: string) =>
    perform(async () =>
      (await import('./commands/capsules.js')).record(container, record.optsWithGlobals<AskFlags>(), cli),
    ),
  );
  const capsules = program
    .command('capsules')
    .description('list the capsules of containers that ended badly')
    .option('--json', 'print JSON');
  addAskOptions(capsules, `${URL_TEXT}, else the files on this host`).action(() =>
    perform(async () =>
      (await import('./commands/capsules.js')).listCapsules(capsules.optsWithGlobals<AnswerFlags>(), cli),
    ),
  );
  const exporting = capsules
    .command('export')
    .description('print the samples of a capsule for other programs')
    .argument('<path>', 'file of a capsule, or the id of one on this host')
    .option('--csv', 'one line per number: time, container, metric, unit, labels, value')
    .option('--openmetrics', 'OpenMetrics with timestamps, for `promtool tsdb create-blocks-from openmetrics`')
    .action((file: string) =>
      perform(async () =>
        (await import('./commands/capsules-export.js')).exportCapsule(file, exporting.opts<ExportFlags>(), cli),
      ),
    );
  const replay = program
    .command('replay')
    .description('serve the pages and the API of a capsule on loopback, at --port or a free port')
    .argument('<path>', 'file of a capsule, or the id of one on this host')
    .action((file: string) =>
      perform(async () =>
        (await import('./commands/replay.js')).replay(file, replay.optsWithGlobals<ConfigFlags>(), cli),
      ),
    );
}
