import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError } from '../../kernel/config/index.js';
import type { CliEnvironment } from '../environment.js';
import { EXIT } from '../exit.js';
import { importFlags, lineOf, notNeededLine, renderImported } from '../import-flags/index.js';
import { loadFor } from '../load.js';

/**
 * Prints the configuration, and on standard error what has no equivalent.
 * @returns 0, or 78 when a value is carried over that Tallyman does not take; it is named
 */
export async function importCommandLine(cli: CliEnvironment, _: object, ...given: string[]): Promise<number> {
  const imported = importFlags(given);
  const text = renderImported(imported);
  cli.out(text);
  for (const remark of imported.without) cli.error(`tallyman: without an equivalent: ${lineOf(remark)}\n`);
  for (const remark of imported.remarks) cli.error(`tallyman: not quite the same: ${lineOf(remark)}\n`);
  if (imported.notNeeded.length > 0) cli.error(`tallyman: ${notNeededLine(imported)}\n`);
  return check(text, cli);
}

/** Loads what was made as the agent would. */
async function check(text: string, cli: CliEnvironment): Promise<number> {
  const directory = mkdtempSync(join(tmpdir(), 'tallyman-import-'));
  try {
    const config = join(directory, 'tallyman.yaml');
    writeFileSync(config, text, { mode: 0o600 });
    await loadFor({ config }, { ...cli, env: {} });
    return EXIT.ok;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    for (const { path, message } of error.problems) cli.error(`tallyman: correct ${path}: ${message}\n`);
    return EXIT.config;
  } finally {
    rmSync(directory, { recursive: true });
  }
}
