import {
  type AgentView,
  type Clock,
  type DiagnosedFinding,
  type Diagnosis,
  type Layout,
  messageOf,
  type Rule,
  type RuleFinding,
  type RuleNeed,
  type RuleProvider,
} from '../contracts/index.js';
import type { ActivePlugins, PluginRecord, Supervisor } from '../supervision/index.js';
import { Question, Subject } from './subject.js';

const ERROR_FROM = 70;
const WARNING_FROM = 30;

/** The rules of a plugin. */
interface RulesOf {
  readonly record: PluginRecord;
  readonly rules: readonly Rule[];
}

/** Which rules can be applied to a container. */
interface Plan {
  readonly applied: readonly RulesOf[];
  readonly lookedAt: readonly Rule[];
  readonly notLookedAt: Diagnosis['notLookedAt'];
}

/** Applies the rules of all plugins to containers on request. Keeps nothing between two requests. */
export class Diagnostics {
  private rules: readonly RulesOf[] = [];
  /** Of containers whose samples have this layout. */
  private plans = { host: new WeakMap<Layout, Plan>(), container: new WeakMap<Layout, Plan>() };
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
    const container = agent.containers().find((candidate) => candidate.name === name);
    const subject = container === undefined ? endedOf(agent, question, name) : question.of(container);
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
    return new Question(agent, this.clock.now());
  }

  private renewRules(): void {
    const plugins = this.active.all();
    if (plugins.length === this.plugins.length && plugins.every((plugin, i) => plugin === this.plugins[i])) return;
    this.plugins = plugins;
    this.rules = plugins.map(({ record, instance }) => ({ record, rules: (instance as RuleProvider).rules ?? [] }));
    this.plans = { host: new WeakMap(), container: new WeakMap() };
  }

  private judge(subject: Subject): Diagnosis {
    const plan = this.planOf(subject);
    const findings: DiagnosedFinding[] = [];
    const failed: { rule: Rule; reason: string }[] = [];
    const apply = ({ record, rules }: RulesOf): void => {
      for (let i = 0; i < rules.length; i++) {
        const rule = rules[i]!;
        try {
          const finding = rule.judge(subject);
          if (finding !== undefined) findings.push(diagnosed(rule, finding));
        } catch (error) {
          this.supervisor.fault(record, `rule ${rule.id}`, error);
          failed.push({ rule, reason: `the rule failed: ${messageOf(error)}` });
        }
      }
    };
    for (const one of plan.applied) this.supervisor.runAs(one.record, () => apply(one));
    if (findings.length > 1) findings.sort((a, b) => b.harm - a.harm || (a.rule < b.rule ? -1 : 1));
    const { name, description, container, now: time } = subject;
    const isRunning = container !== undefined;
    const { lookedAt, notLookedAt } = failed.length === 0 ? plan : without(plan, failed);
    return { name, description, isRunning, time, findings, lookedAt, notLookedAt };
  }

  /** Made once for all containers whose samples have the same layout. */
  private planOf(subject: Subject): Plan {
    const { isHost, layout, container } = subject;
    const plans = isHost ? this.plans.host : this.plans.container;
    const known = container === undefined ? undefined : plans.get(layout);
    if (known !== undefined) return known;
    const lookedAt: Rule[] = [];
    const notLookedAt: { rule: Rule; reason: string }[] = [];
    const applied = this.rules.map(({ record, rules }) => {
      const applicable = rules.filter((rule) => {
        if (!isInScope(rule, subject)) return false;
        const reason = reasonAgainst(rule, subject);
        if (reason !== '') notLookedAt.push({ rule, reason });
        return reason === '';
      });
      lookedAt.push(...applicable);
      return { record, rules: applicable };
    });
    const plan = { applied: applied.filter(({ rules }) => rules.length > 0), lookedAt, notLookedAt };
    if (container !== undefined && layout.columns.length > 0) plans.set(layout, plan);
    return plan;
  }
}

/** Rules that failed were not looked at. */
function without({ lookedAt, notLookedAt }: Plan, failed: Diagnosis['notLookedAt']) {
  const isFailed = (rule: Rule) => failed.some((one) => one.rule === rule);
  return { lookedAt: lookedAt.filter((rule) => !isFailed(rule)), notLookedAt: [...notLookedAt, ...failed] };
}

function endedOf(agent: AgentView, question: Question, name: string): Subject | undefined {
  const ended = agent.departed().find((departed) => departed.name === name);
  return ended && new Subject(name, ended.description, undefined, question);
}

function isInScope({ scope }: Rule, { isHost }: Subject): boolean {
  return scope === 'both' || (scope === 'host') === isHost;
}

/** @returns why the rule cannot be applied, `''` when it can */
function reasonAgainst({ needs = [] }: Rule, subject: Subject): string {
  if (needs.length === 0) return '';
  if (subject.container === undefined) return 'the container does not run any more';
  const { layout } = subject;
  if (layout.columns.length === 0) return 'there is no sample yet';
  const missing = needs.find(({ anyOf }) => anyOf.every((field) => layout.indexOf(field) < 0));
  return missing === undefined ? '' : reasonOf(missing, subject);
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
