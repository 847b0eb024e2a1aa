import { parseDuration, TallymanError } from '../../kernel/contracts/index.js';
import type { CliEnvironment } from '../environment.js';
import { EXIT } from '../exit.js';
import { type CheckMessage, type CheckResult, runChecks } from '../plugin/checking/run-checks.js';
import { parseOptions } from '../plugin/find.js';

export interface PluginTestFlags {
  readonly with?: string;
  readonly update?: boolean;
  readonly timeLimit?: string;
}

/** @returns 0, or 1 when a check failed */
export async function testPlugin(cli: CliEnvironment, flags: PluginTestFlags, path: string): Promise<number> {
  const timeLimitMs = parseTimeLimit(flags.timeLimit ?? '60s');
  const job = {
    path,
    directory: cli.workingDirectory ?? process.cwd(),
    ...(flags.with !== undefined && { options: parseOptions(flags.with) }),
    update: flags.update === true,
  };
  const printer = new ResultPrinter(cli);
  const failure = await runChecks(job, timeLimitMs, {
    onMessage: (message) => printer.onMessage(message),
    onOutput: (text) => cli.error(text),
  });
  if (failure !== undefined) printer.add(failure);
  return printer.finish();
}

/** @returns ms */
function parseTimeLimit(text: string): number {
  const limit = parseDuration(text);
  if (limit !== undefined && limit > 0) return limit;
  throw new TallymanError(`--time-limit is not a duration: ${text}`, { hint: '--time-limit 60s' });
}

/** Prints and counts results as they arrive. */
class ResultPrinter {
  private total = 0;
  private failed = 0;

  constructor(private readonly cli: CliEnvironment) {}

  onMessage(message: CheckMessage): void {
    if (message.type === 'plugin') {
      this.cli.out(`${message.name}, a plugin of kind ${message.kind}, from ${message.module}\n`);
    }
    if (message.type === 'result') this.add(message.result);
  }

  add({ check, problems, remark }: CheckResult): void {
    this.total++;
    if (problems.length > 0) this.failed++;
    const { out } = this.cli;
    out(`${problems.length === 0 ? 'pass' : 'FAIL'}  ${check}\n`);
    for (const text of [...problems, ...(remark === undefined ? [] : [remark])]) {
      out(`      ${text.replaceAll('\n', '\n      ')}\n`);
    }
  }

  finish(): number {
    const { total, failed } = this;
    this.cli.out(failed === 0 ? `All ${total} checks passed.\n` : `${failed} of ${total} checks failed.\n`);
    return failed === 0 ? EXIT.ok : EXIT.failure;
  }
}
