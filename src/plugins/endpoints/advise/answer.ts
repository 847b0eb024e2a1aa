import {
  type AgentView,
  type ContainerView,
  findContainer,
  limitLines,
  limitSnippets,
  notFound,
} from '../../../kernel/contracts/index.js';
import { adviceFor } from './advice.js';
import type { Advice } from './schema.js';

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
  const found = adviceFor(agent, container);
  if (typeof found === 'string') return { ...about, reason: found };
  const { cpu_limit: cpus, cpu_request, memory_limit_bytes: memory, memory_request_bytes } = found.advice;
  const change = { cpus, cpuRequest: cpu_request, memory, memoryRequest: memory_request_bytes };
  const lines = limitLines(container, change, container.limits().cgroupVersion);
  return { ...about, ...found, lines: [...lines, ...limitSnippets(container, change)] };
}

/** How much a change matters: by how much of it there is too much or too little. */
function weightOf({ now, advice, risks, savings }: Pick<Advice, 'now' | 'advice' | 'risks' | 'savings'>): number {
  const distance = (limit: number | null, advised: number) =>
    limit === null ? 0 : Math.abs(Math.log2(limit / advised));
  const memory = distance(now.memory_limit_bytes, advice.memory_limit_bytes);
  return memory + distance(now.cpu_limit, advice.cpu_limit) + risks.length + savings.length / 2;
}
