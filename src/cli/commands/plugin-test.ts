import { parseDuration, TallymanError } from '../../kernel/contracts/index.js';
import type { CliEnvironment } from '../environment.js';
import { EXIT } from '../exit.js';
import { checkApart } from '../plugin/checking/apart.js';
import type { CheckNews, CheckResult } from '../plugin/checking/protocol.js';
import { parseOptions } from '../plugin/options.js';

export interface PluginTestFlags {
  readonly with?: string;
  readonly update?: boolean;
  readonly timeLimit?: string;
}

/**
 * `tallyman plugin test`: checks on a simulated host that a plugin keeps the contract, and runs its test cases.
 * @returns 0, or 1 when something is wrong
 * @throws TallymanError when a flag is wrong
 */
export async function testPlugin(path: string, flags: PluginTestFlags, cli: CliEnvironment): Promise<number> {
  const timeLimit = timeLimitOf(flags.timeLimit ?? '60s');
  const job = {
    path,
    directory: cli.workingDirectory ?? process.cwd(),
    ...(flags.with !== undefined && { options: parseOptions(flags.with) }),
    update: flags.update === true,
  };
  const sheet = new Sheet(cli);
  const end = await checkApart(job, timeLimit, { news: (news) => sheet.news(news), text: (text) => cli.error(text) });
  if (end !== undefined) sheet.add(end);
  return sheet.finish();
}

/** @returns ms */
function timeLimitOf(text: string): number {
  const limit = parseDuration(text);
  if (limit !== undefined && limit > 0) return limit;
  throw new TallymanError(`--time-limit is no duration: ${text}`, { hint: '--time-limit 60s' });
}

/** Prints results as they come, and counts them. */
class Sheet {
  private made = 0;
  private failed = 0;

  constructor(private readonly cli: CliEnvironment) {}

  news(news: CheckNews): void {
    if (news.type === 'plugin') this.cli.out(`${news.name}, a plugin of kind ${news.kind}, from ${news.module}\n`);
    if (news.type === 'result') this.add(news.result);
  }

  add({ check, problems, remark }: CheckResult): void {
    this.made++;
    if (problems.length > 0) this.failed++;
    const { out } = this.cli;
    out(`${problems.length === 0 ? 'pass' : 'FAIL'}  ${check}\n`);
    for (const text of [...problems, ...(remark === undefined ? [] : [remark])]) {
      out(`      ${text.replaceAll('\n', '\n      ')}\n`);
    }
  }

  finish(): number {
    const { made, failed } = this;
    this.cli.out(failed === 0 ? `All ${made} checks passed.\n` : `${failed} of ${made} checks failed.\n`);
    return failed === 0 ? EXIT.ok : EXIT.failure;
  }
}
