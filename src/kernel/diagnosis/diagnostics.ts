import {
  type AgentView,
  type Clock,
  type ContainerDescription,
  type ContainerEvent,
  type ContainerView,
  type DiagnosedFinding,
  type Diagnosis,
  EVENT_TYPES,
  type Layout,
  messageOf,
  type Rule,
  type RuleFinding,
  type RuleNeed,
  type RuleProvider,
} from '../contracts/index.js';
import type { ActivePlugins, PluginRecord, Supervisor } from '../supervision/index.js';
import { type Question, Subject } from './subject.js';

/** How far back events are looked at, µs. */
const EVENTS_SPAN_US = 3_600_000_000;
const ERROR_FROM = 70;
const WARNING_FROM = 30;

interface ActiveRule {
  readonly rule: Rule;
  readonly record: PluginRecord;
  /** Which layouts have the fields that it needs: the reason why not, or `''`. */
  readonly reasons: WeakMap<Layout, string>;
}

/** Applies the rules of all plugins to containers, when somebody asks. Keeps nothing between two questions. */
export class Diagnostics {
  private rules: readonly ActiveRule[] = [];
  /** What `rules` were made of. */
  private plugins: readonly unknown[] = [];

  constructor(
    private readonly active: Pick<ActivePlugins, 'all'>,
    private readonly supervisor: Pick<Supervisor, 'fault' | 'runAs'>,
    private readonly clock: Clock,
  ) {}

  /** @returns undefined for a container that neither runs nor ended lately */
  of(agent: AgentView, name: string): Diagnosis | undefined {
    const question = this.question(agent);
    const subject = question.all.find((candidate) => candidate.name === name) ?? endedOf(agent, question, name);
    return subject && this.judge(subject);
  }

  /** Every container that runs, sorted by name, then those that ended lately. */
  all(agent: AgentView): readonly Diagnosis[] {
    const question = this.question(agent);
    const ended = agent.departed().map(({ name, description }) => new Subject(name, description, undefined, question));
    return [...question.all, ...ended].map((subject) => this.judge(subject));
  }

  private question(agent: AgentView): Question {
    this.renewRules();
    const now = this.clock.now();
    const all: Subject[] = [];
    let events: Map<string, ContainerEvent[]> | undefined;
    const eventsOf = (name: string) => {
      events ??= recentEvents(agent, now);
      return events.get(name) ?? [];
    };
    const question: { -readonly [K in keyof Question]: Question[K] } = { agent, now, all, host: undefined, eventsOf };
    for (const container of agent.containers()) all.push(runningSubject(container, question));
    question.host = all.find(({ isHost }) => isHost);
    return question;
  }

  private renewRules(): void {
    const plugins = this.active.all();
    if (plugins.length === this.plugins.length && plugins.every((plugin, i) => plugin === this.plugins[i])) return;
    this.plugins = plugins;
    this.rules = plugins.flatMap(({ record, instance }) =>
      ((instance as RuleProvider).rules ?? []).map((rule) => ({ rule, record, reasons: new WeakMap() })),
    );
  }

  private judge(subject: Subject): Diagnosis {
    const findings: DiagnosedFinding[] = [];
    const lookedAt: Rule[] = [];
    const notLookedAt: { rule: Rule; reason: string }[] = [];
    for (const active of this.rules) {
      const { rule, record } = active;
      if (!isInScope(rule, subject)) continue;
      const reason = reasonAgainst(active, subject);
      if (reason !== '') {
        notLookedAt.push({ rule, reason });
        continue;
      }
      try {
        const finding = this.supervisor.runAs(record, () => rule.judge(subject));
        if (finding !== undefined) findings.push(diagnosed(rule, finding));
        lookedAt.push(rule);
      } catch (error) {
        this.supervisor.fault(record, `rule ${rule.id}`, error);
        notLookedAt.push({ rule, reason: `the rule failed: ${messageOf(error)}` });
      }
    }
    findings.sort((a, b) => b.harm - a.harm || (a.rule < b.rule ? -1 : 1));
    const { name, description, container, now: time } = subject;
    return { name, description, isRunning: container !== undefined, time, findings, lookedAt, notLookedAt };
  }
}

function runningSubject(container: ContainerView, question: Question): Subject {
  const description: ContainerDescription = container.description;
  return new Subject(container.name, description, container, question);
}

function endedOf(agent: AgentView, question: Question, name: string): Subject | undefined {
  const ended = agent.departed().find((departed) => departed.name === name);
  return ended && new Subject(name, ended.description, undefined, question);
}

function recentEvents(agent: AgentView, now: number): Map<string, ContainerEvent[]> {
  const query = { containerName: '/', below: true, types: new Set(EVENT_TYPES), start: now - EVENTS_SPAN_US, max: -1 };
  const events = new Map<string, ContainerEvent[]>();
  for (const event of agent.events.query(query)) {
    const known = events.get(event.containerName);
    if (known === undefined) events.set(event.containerName, [event]);
    else known.push(event);
  }
  return events;
}

function isInScope({ scope }: Rule, { isHost }: Subject): boolean {
  return scope === 'both' || (scope === 'host') === isHost;
}

/** @returns why the rule cannot be applied, `''` when it can */
function reasonAgainst({ rule, reasons }: ActiveRule, subject: Subject): string {
  const { needs = [] } = rule;
  if (needs.length === 0) return '';
  if (subject.container === undefined) return 'the container does not run any more';
  const { layout } = subject;
  if (layout.columns.length === 0) return 'there is no sample yet';
  let reason = reasons.get(layout);
  if (reason === undefined) {
    const missing = needs.find(({ anyOf }) => anyOf.every((field) => layout.indexOf(field) < 0));
    reason = missing === undefined ? '' : reasonOf(missing, subject);
    reasons.set(layout, reason);
  }
  return reason;
}

function reasonOf({ anyOf, sources }: RuleNeed, { agent }: Subject): string {
  const running = new Set(agent.plugins().flatMap(({ name, up }) => (up ? [name] : [])));
  const off = sources.filter((source) => !running.has(source));
  const lacks = `the container has no ${anyOf.join(', no ')}`;
  if (off.length === 0) return lacks;
  const enable = off.map((source) => `plugins: [{ use: ${source} }]`).join(' or ');
  return off.length === sources.length
    ? `the metric source ${off.join(' or ')} is off: ${enable}`
    : `${lacks}; the metric source ${off.join(' and ')}, which may have it, is off: ${enable}`;
}

function diagnosed({ id }: Rule, finding: RuleFinding): DiagnosedFinding {
  const { harm } = finding;
  const severity = harm >= ERROR_FROM ? 'error' : harm >= WARNING_FROM ? 'warning' : 'info';
  return { ...finding, rule: id, severity };
}
