import { printable, TallymanError } from '../../kernel/contracts/index.js';
import type { CliEnvironment } from '../environment.js';
import { EXIT } from '../exit.js';
import type { ConfigFlags } from '../flags.js';
import { attributed, loadFor } from '../load.js';
import { runSink } from '../plugin/running/sink.js';

/**
 * Sends past the queue of the sink.
 * @param name id of the sink, or of its plugin
 * @returns 0, or 1 when something was not taken
 */
export async function testSink(cli: CliEnvironment, flags: ConfigFlags, name: string): Promise<number> {
  const loaded = await loadFor(flags, cli);
  const sinks = loaded.plugins.filter(({ plugin }) => plugin.kind === 'sink');
  const sink = sinks.find(({ id, use }) => (id ?? use) === name) ?? sinks.find(({ plugin }) => plugin.name === name);
  if (sink === undefined) {
    const known = sinks.map(({ id, use }) => id ?? use).join(', ');
    throw new TallymanError(`the configuration has no sink ${JSON.stringify(name)}`, {
      hint: known === '' ? 'it has none at all: add one to plugins, and see docs/plugins/sink.md' : `it has ${known}`,
    });
  }
  const isTaken = await attributed(cli, name, () =>
    runSink({
      plugin: sink.plugin,
      options: sink.with,
      loaded,
      all: false,
      out: (line) => cli.out(`${printable(line)}\n`),
      error: (line) => cli.error(`tallyman: ${printable(line)}\n`),
    }),
  );
  return isTaken ? EXIT.ok : EXIT.failure;
}
