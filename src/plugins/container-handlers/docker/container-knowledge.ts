import { EngineError, EngineKnowledge } from '../common/index.js';
import type { EngineClient } from './client.js';
import { describeContainer, describeSummary } from './describe.js';
import { type ContainerSummary, type EngineEvent, parseSummaries } from './events.js';
import type { DaemonOptions } from './options.js';

/** An engine counts a failed health probe shortly after the event that the probe's command ended. */
const HEALTH_DELAY = 1000;

/** Actions that change nothing that is published. */
const IRRELEVANT: ReadonlySet<string> = new Set(
  'exec_create exec_start exec_detach exec attach detach top resize copy archive-path extract-to-dir export commit kill'.split(
    ' ',
  ),
);

export class ContainerKnowledge extends EngineKnowledge<EngineClient, DaemonOptions> {
  private readonly summaries = new Map<string, ContainerSummary>();
  private readonly healthChecks = new Set<string>();

  event(event: EngineEvent): void {
    const { id, action } = event;
    if (IRRELEVANT.has(action)) return;
    if (action === 'exec_die') this.probeEnded(event);
    else if (action === 'destroy') this.removed(id);
    else {
      if (action === 'start') this.runStarted(id);
      else if (action === 'oom') this.ranOutOfMemory(id);
      else if (action === 'die') this.runEnded(id, event);
      void this.changedAtEngine(id);
    }
  }

  /** A failed probe lengthens the failing streak without a `health_status` event of its own. */
  private probeEnded(event: EngineEvent): void {
    const health = this.table.find(event.id, false)?.description.state.health;
    if (health === undefined || (event.exitCode === 0 && health.failingStreak === 0)) return;
    if (this.healthChecks.has(event.id)) return;
    this.healthChecks.add(event.id);
    this.context.timers.after(HEALTH_DELAY, () => {
      this.healthChecks.delete(event.id);
      if (this.client !== undefined) void this.queue.add(event.id);
    });
  }

  async resync(client: EngineClient, everything: boolean): Promise<{ readonly asked: Promise<unknown> }> {
    const mark = this.table.mark;
    const summaries = parseSummaries(await client.list());
    if (summaries === undefined) {
      throw new EngineError(`${this.options.endpoint.url} answered the list of containers with something else`, 200);
    }
    this.summaries.clear();
    for (const summary of summaries) if (isAlive(summary)) this.summaries.set(summary.id, summary);
    this.retain(new Set(summaries.map(({ id }) => id)), mark);
    const wanted = summaries.filter((summary) => this.needsInspect(summary, everything));
    return { asked: Promise.all(wanted.map(({ id }) => this.queue.add(id))) };
  }

  private needsInspect(summary: ContainerSummary, everything: boolean): boolean {
    const failure = this.failures.state(summary.id, this.context.clock.monotonic());
    if (failure !== undefined) return failure === 'due';
    const known = this.table.find(summary.id, false)?.description;
    if (known === undefined) return isAlive(summary);
    if (everything && isAlive(summary)) return true;
    return known.state.status !== summary.state || (summary.name !== '' && known.aliases[0] !== summary.name);
  }

  protected async refresh(client: EngineClient, id: string): Promise<void> {
    const answer = await client.inspect(id);
    this.takeAnswer(id, () => {
      const previous = this.table.find(id, false)?.description;
      const described = describeContainer(answer, this.options, {
        previousExit: this.table.previousExit(id),
        previousStorage: previous?.storage,
        previousHealth: previous?.state.health,
        now: this.context.clock.now(),
        mountinfo: (pid) => this.context.linux.procText(`${pid}/mountinfo`),
      });
      if (described === undefined) throw new EngineError(`the description of container ${id} is malformed`, 200);
      this.learn(id, described);
    });
  }

  protected override forget(id: string): boolean {
    this.summaries.delete(id);
    return super.forget(id);
  }

  protected override failed(id: string, error: unknown, client: EngineClient): void {
    super.failed(id, error, client);
    const summary = this.summaries.get(id);
    if (summary !== undefined && this.table.find(id, false) === undefined) {
      this.learn(id, describeSummary(summary, this.options));
    }
  }
}

const isAlive = ({ state }: ContainerSummary): boolean =>
  state === 'running' || state === 'paused' || state === 'restarting';
