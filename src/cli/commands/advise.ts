import { TallymanError, type z } from '../../kernel/contracts/index.js';
import type { hostAdvice } from '../../plugins/endpoints/advise/schema.js';
import { localTarget, pathOfContainer, routeOf, textOf } from '../agent-client/index.js';
import { aligned } from '../aligned.js';
import type { CliEnvironment } from '../environment.js';
import type { AnswerFlags } from '../flags.js';

const ROUTE = '/api/advise';
const MIB = 2 ** 20;

type HostAdvice = z.output<typeof hostAdvice>;
type Advice = HostAdvice['containers'][number];
type NoAdvice = HostAdvice['without_advice'][number];

/** Needs a running agent: a temporary one has no past. */
export async function advise(cli: CliEnvironment, flags: AnswerFlags, container?: string): Promise<void> {
  const target = localTarget(flags, cli);
  if (target === undefined) {
    throw new TallymanError('no agent was found on this host: advice needs one that has run for a while', {
      hint: '`tallyman` starts one, `tallyman service install` keeps it running; --url asks another one',
    });
  }
  const answer = await textOf(routeOf(target, pathOfContainer(ROUTE, container)), flags, cli);
  if (flags.json === true) cli.out(`${answer.trimEnd()}\n`);
  else if (container === undefined) cli.out(tableText(JSON.parse(answer) as HostAdvice));
  else cli.out(adviceText(JSON.parse(answer) as Advice | NoAdvice));
}

function adviceText(answer: Advice | NoAdvice): string {
  if ('reason' in answer) return `No advice for ${labelOf(answer)}: ${answer.reason}.\n`;
  const { data, used, now, advice, savings, risks, lines } = answer;
  const { cpu, memory } = used;
  const { margin } = advice;
  const facts = [
    `${labelOf(answer)}: from ${data.text} (confidence: ${data.confidence})`,
    '',
    '          p50        p95        max        now        request    limit',
    row(
      'CPUs',
      [cpu.p50_cpus, cpu.p95_cpus, cpu.max_cpus, now.cpu_limit, advice.cpu_request, advice.cpu_limit],
      number,
    ),
    row(
      'memory',
      [
        memory.p50_bytes,
        memory.p95_bytes,
        memory.max_bytes,
        now.memory_limit_bytes,
        advice.memory_request_bytes,
        advice.memory_limit_bytes,
      ],
      mebibytes,
    ),
    '',
    `Requests are p95 and ${percent(margin.request)}, limits the maximum and ${percent(margin.limit)}. Memory is the working set;`,
    `page cache now: ${mebibytes(memory.cache_bytes)}. Throttled in ${percent(cpu.throttled_share)} of its periods; OOM kills: ${memory.oom_kills}.`,
  ];
  const notes = [...savings.map((text) => `saves: ${text}`), ...risks.map((text) => `risk:  ${text}`)];
  const snippets = lines.map(({ tool, line }) => `\n# ${tool}\n${line}`);
  return `${[...facts, ...(notes.length === 0 ? [] : ['', ...notes]), ...snippets].join('\n')}\n`;
}

function row(name: string, values: readonly (number | null)[], text: (value: number) => string): string {
  return `${name.padEnd(10)}${values.map((value) => (value === null ? 'none' : text(value)).padEnd(11)).join('')}`.trimEnd();
}

function tableText({ containers, without_advice: without }: HostAdvice): string {
  const rows = containers.map((answer) => [
    labelOf(answer),
    answer.data.text.replace(' of data', ''),
    `${answer.now.cpu_limit === null ? 'none' : number(answer.now.cpu_limit)} → ${number(answer.advice.cpu_limit)}`,
    `${answer.now.memory_limit_bytes === null ? 'none' : mebibytes(answer.now.memory_limit_bytes)} → ${mebibytes(answer.advice.memory_limit_bytes)}`,
    [...answer.risks, ...answer.savings][0] ?? '',
  ]);
  const lines = aligned([['CONTAINER', 'DATA', 'CPU LIMIT', 'MEMORY LIMIT', ''], ...rows]);
  if (without.length === 0) return containers.length === 0 ? 'There are no containers.\n' : `${lines.join('\n')}\n`;
  const rest = `have no advice, most of them because: ${commonest(without.map(({ reason }) => reason))}.`;
  return containers.length === 0
    ? `All ${without.length} containers ${rest}\n`
    : `${lines.join('\n')}\n\n${without.length} more ${rest}\n`;
}

function commonest(texts: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1])[0]![0];
}

function labelOf({ container: { name, aliases } }: Advice | NoAdvice): string {
  return aliases[0] ?? name;
}

function number(value: number): string {
  return String(Math.round(value * 100) / 100);
}

function mebibytes(bytes: number): string {
  return `${Math.round(bytes / MIB)} MiB`;
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}
