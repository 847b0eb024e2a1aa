import { stringify } from 'yaml';
import { ConfigError, type LoadedConfig } from '../../kernel/config/index.js';
import { TallymanError } from '../../kernel/contracts/index.js';
import { checkSecretFiles, isCredential, portInUse } from '../../kernel/http/index.js';
import { LoggerSource } from '../../kernel/log/index.js';
import { readNotes } from '../../kernel/operations/index.js';
import type { CliEnvironment } from '../environment.js';
import type { ConfigFlags } from '../flags.js';
import { loadFor } from '../load.js';

/** Masks secrets, and checks the files and ports that an agent would use. @param file the same as `--config` */
export async function check(cli: CliEnvironment, flags: ConfigFlags, file?: string): Promise<void> {
  if (file !== undefined && flags.config !== undefined && flags.config !== file) {
    const message = `two files are named: ${JSON.stringify(file)} and --config ${JSON.stringify(flags.config)}`;
    throw new ConfigError([{ source: 'check', path: '', message, hint: 'check one file at a time' }]);
  }
  const loaded = await loadFor(file === undefined ? flags : { ...flags, config: file }, cli);
  for (const warning of loaded.warnings) cli.error(`tallyman: ${warning}\n`);
  checkFiles(loaded, cli);
  await checkPorts(loaded, cli);
  cli.out(`# ${loaded.file ?? 'built-in defaults'}\n`);
  cli.out(stringify(loaded.shown, { lineWidth: 0, aliasDuplicateObjects: false }));
}

function checkFiles({ config, directory, located }: LoadedConfig, cli: CliEnvironment): void {
  const credentials = cli.env.CREDENTIALS_DIRECTORY;
  const { auth, tls } = config.web;
  const files = [auth.basic.file, auth.digest.file, auth.bearer.file, tls.cert, tls.key, tls.clientCa];
  if (!credentials && files.some((file) => isCredential(file))) {
    cli.error('tallyman: files of web are not checked: systemd passes credentials to the service only\n');
    return;
  }
  const logger = new LoggerSource(config.log).logger('http');
  try {
    checkSecretFiles(config.web, { directory, credentials }, logger);
  } catch (error) {
    throw error instanceof ConfigError ? located(error) : error;
  }
}

/** Ports are not checked while an agent runs with this configuration: it uses them. */
async function checkPorts({ config, file }: LoadedConfig, cli: CliEnvironment): Promise<void> {
  if (readNotes(cli.env).some(({ configuration }) => configuration.file === file)) return;
  for (const address of config.web.listen) {
    const error = await portInUse(address);
    if (error instanceof TallymanError) throw error;
  }
}
