import { TallymanError } from '../../kernel/contracts/index.js';
import type { CliEnvironment } from '../environment.js';
import { EXIT } from '../exit.js';
import type { ConfigFlags } from '../flags.js';
import { loadFor } from '../load.js';
import { ServiceHost } from '../service/host.js';
import { adjustGrants, install, uninstall } from '../service/install.js';
import { Procedure } from '../service/procedure.js';
import { describeService } from '../service/status.js';

export interface ServiceFlags {
  readonly dryRun?: boolean;
  readonly purge?: boolean;
}

export async function changeService(
  action: 'install' | 'privileges' | 'uninstall',
  flags: ConfigFlags & ServiceFlags,
  cli: CliEnvironment,
  host: ServiceHost = new ServiceHost(),
): Promise<number> {
  const isDry = flags.dryRun === true;
  if (!host.isRoot && !isDry) {
    throw new TallymanError(`\`tallyman service ${action}\` changes the host, which only root may do`, {
      hint: `sudo tallyman service ${action}, or --dry-run to see what it would do`,
    });
  }
  const procedure = new Procedure(host, isDry, cli.out);
  if (action === 'uninstall') uninstall(procedure, flags.purge === true);
  else {
    const { config } = await loadFor({}, serviceEnvironment(flags, cli));
    if (action === 'install') install(procedure, config);
    else adjustGrants(procedure, config);
  }
  if (isDry) cli.out('Nothing was changed: this was a dry run.\n');
  return EXIT.ok;
}

/** The service reads its configuration from /etc/tallyman; directory and variables of this command do not matter. */
function serviceEnvironment({ config }: ConfigFlags, cli: CliEnvironment): CliEnvironment {
  if (config !== undefined) {
    throw new TallymanError('the service takes its configuration from /etc/tallyman, not from --config', {
      hint: `install -m 644 ${config} /etc/tallyman/tallyman.yaml`,
    });
  }
  return { ...cli, env: {}, workingDirectory: '/' };
}

/** Prints the state of the service and returns it as exit status. */
export function showService(cli: CliEnvironment, host: ServiceHost = new ServiceHost()): number {
  const { text, status } = describeService(host);
  cli.out(text);
  return status;
}
