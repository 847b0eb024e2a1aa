import { ConfigError, optionProblems } from '../../kernel/config/index.js';
import type { PluginKind } from '../../kernel/contracts/index.js';
import type { CliEnvironment } from '../environment.js';
import { EXIT } from '../exit.js';
import type { ConfigFlags } from '../flags.js';
import { attributed, loadFor } from '../load.js';
import { findPlugin, parseOptions } from '../plugin/find.js';
import { runAnswers } from '../plugin/running/answers.js';
import { runAppMetrics, runContainerHandler, runMetricSource } from '../plugin/running/containers.js';
import type { RunSetup } from '../plugin/running/setup.js';
import { runSink } from '../plugin/running/sink.js';

export interface PluginRunFlags extends ConfigFlags {
  readonly with?: string;
  readonly request?: string;
  readonly all?: boolean;
}

const RUNNERS: Readonly<Record<PluginKind, (setup: RunSetup) => Promise<boolean>>> = {
  'metric-source': runMetricSource,
  'app-metrics': runAppMetrics,
  'container-handler': runContainerHandler,
  'api-version': runAnswers,
  endpoint: runAnswers,
  sink: runSink,
};

/**
 * The root of the host, the container handlers and, without `with`, the plugin's options are taken from the configuration.
 * @returns 0, or 1 when it had a fault
 */
export async function runPlugin(cli: CliEnvironment, flags: PluginRunFlags, path: string): Promise<number> {
  const { plugin } = await attributed(cli, path, () => findPlugin(path, cli.workingDirectory ?? process.cwd()));
  const loaded = await loadFor(flags, cli);
  const configured = loaded.plugins.find((other) => other.plugin.name === plugin.name)?.with;
  const options = flags.with === undefined ? (configured ?? {}) : parseOptions(flags.with);
  const problems = optionProblems(plugin, options, '--with');
  if (problems.length > 0) throw new ConfigError(problems);
  const run = {
    plugin,
    options,
    loaded,
    all: flags.all === true,
    ...(flags.request !== undefined && { request: flags.request }),
    out: (line: string) => cli.out(`${line}\n`),
    error: (line: string) => cli.error(`tallyman: ${line}\n`),
  };
  const isOk = await attributed(cli, path, () => RUNNERS[plugin.kind](run));
  return isOk ? EXIT.ok : EXIT.failure;
}
