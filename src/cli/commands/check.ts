import { stringify } from 'yaml';
import type { CliEnvironment } from '../environment.js';
import { EXIT } from '../exit.js';
import type { ConfigFlags } from '../flags.js';
import { loadFor } from '../load.js';

/** `tallyman check`: prints the effective configuration as YAML, secrets masked. @throws ConfigError */
export async function check(flags: ConfigFlags, cli: CliEnvironment): Promise<number> {
  const loaded = await loadFor(flags, cli);
  for (const warning of loaded.warnings) cli.error(`tallyman: ${warning}\n`);
  cli.out(`# ${loaded.file ?? 'built-in defaults'}\n`);
  cli.out(stringify(loaded.shown, { lineWidth: 0, aliasDuplicateObjects: false }));
  return EXIT.ok;
}
