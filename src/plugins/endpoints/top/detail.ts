import {
  type AgentView,
  type Answer,
  type ContainerEvent,
  type ContainerView,
  EVENT_TYPES,
  notFound,
} from '../../../kernel/contracts/index.js';
import { MEASURES, type Measure, Meter } from './measure.js';

const SAMPLES = 120;
const PROCESSES = 100;
const EVENTS = 50;
const ALL_TYPES = new Set(EVENT_TYPES);

/** The last samples, the processes and the events of one container. */
export async function detail(agent: AgentView, name: string): Promise<Answer> {
  const container = agent.container(name);
  if (container === undefined) throw notFound(`unknown container ${JSON.stringify(name)}`);
  const pids = processIds(agent, name);
  const processes = await agent.host.processes(pids.slice(0, PROCESSES));
  const events = agent.events.query({ containerName: name, below: name !== '/', types: ALL_TYPES, max: EVENTS });
  const answer = {
    ...seriesOf(container),
    processes: processes.map(({ pid, parent_pid, user, cmd, status, percent_cpu, rss, running_time }) => {
      return { pid, parent_pid, user, cmd, status, percent_cpu, rss, running_time };
    }),
    process_count: pids.length,
    events: events.map((event) => ({ time: event.time, type: event.type, text: textOf(event) })),
    missing: container.missing,
  };
  return { headers: { 'Cache-Control': 'no-store' }, body: (out) => out.json(answer) };
}

function processIds(agent: AgentView, name: string): number[] {
  return agent.containersBelow(name).flatMap((container) => [...container.processIds()]);
}

function seriesOf(container: ContainerView) {
  const window = container.samples({ count: SAMPLES });
  const meter = new Meter();
  const times: number[] = [];
  const series = Object.fromEntries(MEASURES.map((measure) => [measure, []])) as unknown as Record<
    Measure,
    (number | null)[]
  >;
  for (let i = 0; i < window.length; i++) {
    meter.at(window, i);
    times.push(meter.time);
    for (const [column, measure] of MEASURES.entries()) {
      const value = meter.values[column]!;
      series[measure].push(Number.isFinite(value) ? value : null);
    }
  }
  return { times, ...series };
}

function textOf({ type, oom, exitCode }: ContainerEvent): string {
  if (oom !== undefined) return `${oom.processName} (pid ${oom.pid})`;
  return type === 'containerDeletion' && exitCode !== undefined && exitCode >= 0 ? `exit code ${exitCode}` : '';
}
