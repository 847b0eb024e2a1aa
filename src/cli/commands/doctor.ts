import type { Finding } from '../../kernel/contracts/index.js';
import { routeOf, targetOf, textOf } from '../agent-client/index.js';
import type { CliEnvironment } from '../environment.js';
import { EXIT } from '../exit.js';
import type { AnswerFlags } from '../flags.js';
import { loadFor } from '../load.js';
import { withTemporaryAgent } from '../temporary-agent.js';

const ROUTE = '/-/doctor';

/**
 * A temporary agent runs as the current user; missing privileges of the service's user only show when the service is asked.
 * @returns 0 when nothing important was found, else 1
 */
export async function doctor(cli: CliEnvironment, flags: AnswerFlags): Promise<number> {
  const answer =
    flags.url === undefined
      ? await withTemporaryAgent(await loadFor(flags, cli), (agent) => textOf(routeOf(agent, ROUTE), {}, cli))
      : await textOf(routeOf(targetOf(flags.url, 'http://127.0.0.1:8080'), ROUTE), flags, cli);
  const { findings } = JSON.parse(answer) as { findings: readonly Finding[] };
  cli.out(flags.json === true ? answer : tableOf(findings));
  return findings.some(({ severity }) => severity !== 'info') ? EXIT.failure : EXIT.ok;
}

function tableOf(findings: readonly Finding[]): string {
  if (findings.length === 0) return 'Nothing is missing.\n';
  const width = Math.max(...findings.map(({ id }) => id.length));
  return findings
    .map(({ id, severity, what, effect, mend }) => {
      const indent = ' '.repeat(severity.length < 8 ? 9 : severity.length);
      return `${severity.padEnd(8)} ${id.padEnd(width)}  ${what}\n${indent}effect: ${effect}\n${indent}mend:   ${mend}\n`;
    })
    .join('\n');
}
