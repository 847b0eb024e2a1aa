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
  const advised = answers.filter((answer) => 'advice' in answer).sort((a, b) => b.weight - a.weight);
  return {
    containers: advised.map(({ weight: _, ...answer }) => answer),
    without_advice: answers.flatMap((answer) =>
      'advice' in answer ? [] : [{ container: answer.container, reason: answer.reason }],
    ),
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
    weight: weightOf(advice),
  };
}

/** How much a change matters: by how much of it there is too much or too little. */
function weightOf({ now, change, risks, savings }: Advice): number {
  const memory = now.memory === undefined ? 0 : Math.abs(Math.log2(now.memory / change.memory));
  const cpu = now.cpus === undefined ? 0 : Math.abs(Math.log2(now.cpus / change.cpus));
  return memory + cpu + risks.length + savings.length / 2;
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
