import { ConfigError } from '../../kernel/config/index.js';
import { LoggerSource } from '../../kernel/log/index.js';
import { runAgent } from '../../kernel/run.js';
import { ServiceManager } from '../../kernel/service/index.js';
import { builtinPlugins, builtinsModule } from '../../plugins/builtins.js';
import type { CliEnvironment } from '../environment.js';
import type { ConfigFlags } from '../flags.js';
import { loadFor } from '../load.js';
import { agentVersion } from '../version.js';

/** Without a command: runs the agent until it is stopped. */
export async function run(cli: CliEnvironment, flags: ConfigFlags): Promise<number> {
  const loaded = await loadFor(flags, cli);
  const logs = new LoggerSource(loaded.config.log);
  const load = () => loadFor(flags, cli);
  const builtins = { builtins: builtinPlugins, builtinsModule };
  const { env, handles } = cli;
  const options = { loaded, load, version: agentVersion(), ...builtins, logs, env, handles };
  const service = new ServiceManager(cli.env, logs.logger('service'));
  const log = logs.logger('agent');
  try {
    return await runAgent(options, service, (line) => {
      if (!cli.notice(`${line}\n`)) log.info(line);
    });
  } catch (error) {
    throw error instanceof ConfigError ? loaded.located(error) : error;
  }
}
