import {
  type AgentView,
  type ContainerView,
  findContainer,
  limitLines,
  limitSnippets,
  notFound,
} from '../../../kernel/contracts/index.js';
import { type Advice, adviceFor, MARGINS } from './advice.js';

/** The answer about one container. @throws RequestError when there is none that runs, or several fit */
export function containerAnswer(agent: AgentView, text: string) {
  const { name } = findContainer(agent, text);
  const container = agent.container(name);
  if (container === undefined) throw notFound(`${name} does not run: advice is made from what a container uses`);
  if (name === '/') throw notFound('the machine has no limits: name a container');
  return answerFor(agent, container);
}

/** The answer about the host: containers without others below them, those with the most to change first. */
export function hostAnswer(agent: AgentView) {
  const answers = agent
    .containers()
    .filter((container) => container.name !== '/' && container.children().length === 0)
    .map((container) => answerFor(agent, container));
  return {
    containers: answers.filter((answer) => 'advice' in answer).sort((a, b) => weightOf(b) - weightOf(a)),
    without_advice: answers.filter((answer) => !('advice' in answer)),
  };
}

function answerFor(agent: AgentView, container: ContainerView) {
  const { name, description } = container;
  const about = { container: { name, aliases: description.aliases } };
  const advice = adviceFor(agent, container);
  if (typeof advice === 'string') return { ...about, reason: advice };
  const { minutes, confidence, used, now, change, savings, risks } = advice;
  return {
    ...about,
    data: { minutes, text: dataText(minutes), confidence },
    used: { cpu: cpuJson(used.cpu), memory: memoryJson(used.memory) },
    now: { cpu_limit: now.cpus ?? null, memory_limit_bytes: now.memory ?? null },
    advice: {
      cpu_request: change.cpuRequest,
      cpu_limit: change.cpus,
      memory_request_bytes: change.memoryRequest,
      memory_limit_bytes: change.memory,
      margin: { ...MARGINS },
    },
    savings,
    risks,
    lines: [...limitLines(container, change, container.limits().cgroupVersion), ...limitSnippets(container, change)],
  };
}

type AdviceJson = Extract<ReturnType<typeof answerFor>, { readonly advice: unknown }>;

/** How much a change matters: by how much of it there is too much or too little. */
function weightOf({ now, advice, risks, savings }: AdviceJson): number {
  const distance = (limit: number | null, advised: number) =>
    limit === null ? 0 : Math.abs(Math.log2(limit / advised));
  const memory = distance(now.memory_limit_bytes, advice.memory_limit_bytes);
  return memory + distance(now.cpu_limit, advice.cpu_limit) + risks.length + savings.length / 2;
}

/** `6.2 h of data` */
function dataText(minutes: number): string {
  return minutes < 60 ? `${minutes} min of data` : `${Math.round(minutes / 6) / 10} h of data`;
}

function cpuJson({ p50, p95, max, throttledShare }: Advice['used']['cpu']) {
  return { p50_cpus: p50, p95_cpus: p95, max_cpus: max, throttled_share: throttledShare };
}

function memoryJson({ p50, p95, max, cacheBytes, oomKills }: Advice['used']['memory']) {
  return { p50_bytes: p50, p95_bytes: p95, max_bytes: max, cache_bytes: cacheBytes, oom_kills: oomKills };
}
