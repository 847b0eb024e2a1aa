import type { CliEnvironment } from '../environment.js';
import { EXIT } from '../exit.js';
import { loadFor } from '../load.js';
import type { ConfigFlags } from '../settings.js';

/** No command: runs the agent until it is told to stop. @throws ConfigError */
export async function run(flags: ConfigFlags, cli: CliEnvironment): Promise<number> {
  const loaded = await loadFor(flags, cli);
  for (const warning of loaded.warnings) cli.error(`tallyman: ${warning}\n`);
  return EXIT.ok;
}
