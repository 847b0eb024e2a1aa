import { Token } from '../composition/index.js';
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
  type SampleCursor,
} from '../contracts/index.js';
import type { ActivePlugins, PluginRecord, Supervisor } from '../supervision/index.js';
import { Question, Subject } from './subject.js';

export const DIAGNOSTICS = new Token<Diagnostics>('diagnostics');

const ERROR_FROM = 70;
const WARNING_FROM = 30;

/** The rules of a plugin. */
interface RulesOf {
  readonly record: PluginRecord;
  readonly rules: readonly Rule[];
}

interface ColumnRule {
  readonly rule: Rule;
  /** One of them must be above 0. */
  readonly columns: readonly number[];
}

/**
 * The rules of one plugin for containers with one layout, by what is to be looked at first. Of most containers nothing
 * but that is looked at: V8 compiles what runs often, and for one question that costs more than it saves.
 */
interface PlannedRules {
  readonly always: readonly Rule[];
  /** Those with a condition for the machine, which is the same for all containers of a question. */
  readonly byHost: readonly Rule[];
  readonly byColumns: readonly ColumnRule[];
  /** The columns of all of `byColumns`. */
  readonly columns: readonly number[];
  readonly onIncident: readonly Rule[];
}

/** Which rules can be applied to a container. */
interface Plan {
  /** For each plugin in `Diagnostics.rules`. */
  readonly applied: readonly PlannedRules[];
  readonly lookedAt: readonly Rule[];
  readonly notLookedAt: Diagnosis['notLookedAt'];
}

/** What was found so far about one subject. */
interface Judged {
  readonly subject: Subject;
  readonly plan: Plan;
  findings: readonly DiagnosedFinding[];
  failed: Diagnosis['notLookedAt'];
}

const NO_FINDINGS: readonly DiagnosedFinding[] = [];
const NO_FAILURES: Diagnosis['notLookedAt'] = [];

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
    return subject && this.judge([subject])[0];
  }

  /** Every container that runs, sorted by name, then those that ended lately. */
  all(agent: AgentView): readonly Diagnosis[] {
    const question = this.question(agent);
    const ended = agent.departed().map(({ name, description }) => new Subject(name, description, undefined, question));
    return this.judge([...question.all, ...ended]);
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

  /** All subjects by the rules of one plugin, then by those of the next. */
  private judge(subjects: readonly Subject[]): readonly Diagnosis[] {
    const judged: Judged[] = [];
    for (const [plugin, { record, rules }] of this.rules.entries()) {
      if (rules.length === 0) continue;
      this.supervisor.runAs(record, () => {
        for (let i = 0; i < subjects.length; i++) {
          judged[i] ??= this.begin(subjects[i]!);
          this.apply(judged[i]!, plugin);
        }
      });
    }
    return subjects.map((subject, i) => diagnosisOf(judged[i] ?? this.begin(subject)));
  }

  private begin(subject: Subject): Judged {
    return { subject, plan: this.planOf(subject), findings: NO_FINDINGS, failed: NO_FAILURES };
  }

  private apply(judged: Judged, plugin: number): void {
    const { subject, plan } = judged;
    const { always, byHost, byColumns, columns, onIncident } = plan.applied[plugin]!;
    // Before any rule: a rule may look at other containers, and they share the buffer.
    const isAnyAboveZero = columns.length > 0 && hasAboveZero(subject.newest, columns);
    for (let i = 0; i < always.length; i++) this.applyRule(always[i]!, judged, plugin);
    if (byHost.length > 0) for (const rule of subject.metByHost(byHost)) this.applyRule(rule, judged, plugin);
    if (isAnyAboveZero) {
      for (const each of byColumns) {
        if (hasAboveZero(subject.newest, each.columns)) this.applyRule(each.rule, judged, plugin);
      }
    }
    if (onIncident.length > 0 && subject.hadIncident) {
      for (const rule of onIncident) this.applyRule(rule, judged, plugin);
    }
  }

  private applyRule(rule: Rule, judged: Judged, plugin: number): void {
    const { subject } = judged;
    try {
      if (!subject.meets(rule)) return;
      const finding = rule.judge(subject);
      if (finding !== undefined) judged.findings = [...judged.findings, diagnosed(rule, finding)];
    } catch (error) {
      this.supervisor.fault(this.rules[plugin]!.record, `rule ${rule.id}`, error);
      judged.failed = [...judged.failed, { rule, reason: `the rule failed: ${messageOf(error)}` }];
    }
  }

  /** Made once for all containers whose samples have the same layout. */
  private planOf(subject: Subject): Plan {
    const { isHost, layout, container } = subject;
    const plans = isHost ? this.plans.host : this.plans.container;
    const known = container === undefined ? undefined : plans.get(layout);
    if (known !== undefined) return known;
    const lookedAt: Rule[] = [];
    const notLookedAt: { rule: Rule; reason: string }[] = [];
    const applied = this.rules.map(({ rules }) => {
      const applicable = rules.filter((rule) => {
        if (!isInScope(rule, subject)) return false;
        const reason = reasonAgainst(rule, subject);
        if (reason !== '') notLookedAt.push({ rule, reason });
        return reason === '';
      });
      lookedAt.push(...applicable);
      return planned(applicable, subject);
    });
    const plan = { applied, lookedAt, notLookedAt };
    if (container !== undefined && layout.columns.length > 0) plans.set(layout, plan);
    return plan;
  }
}

function hasAboveZero({ values, base }: SampleCursor, columns: readonly number[]): boolean {
  for (let i = 0; i < columns.length; i++) if (values[base + columns[i]!]! > 0) return true;
  return false;
}

function diagnosisOf({ subject, plan, findings, failed }: Judged): Diagnosis {
  const { name, description, container, now: time } = subject;
  const { lookedAt, notLookedAt } = failed.length === 0 ? plan : without(plan, failed);
  return {
    name,
    description,
    isRunning: container !== undefined,
    time,
    findings:
      findings.length < 2 ? findings : [...findings].sort((a, b) => b.harm - a.harm || (a.rule < b.rule ? -1 : 1)),
    lookedAt,
    notLookedAt,
  };
}

function planned(rules: readonly Rule[], { container, layout }: Subject): PlannedRules {
  // Of a container that ended there are no samples to look at first.
  if (container === undefined) return { always: rules, byHost: [], byColumns: [], columns: [], onIncident: [] };
  const kindOf = ({ precondition = {} }: Rule): keyof PlannedRules => {
    const { anyAboveZero, incident, host } = precondition;
    if (anyAboveZero !== undefined) return 'byColumns';
    return incident === true ? 'onIncident' : host === undefined ? 'always' : 'byHost';
  };
  const of = (kind: keyof PlannedRules) => rules.filter((rule) => kindOf(rule) === kind);
  const byColumns = of('byColumns').map((rule) => ({
    rule,
    columns: rule.precondition!.anyAboveZero!.flatMap((field) => [...layout.indexesOf(field)]),
  }));
  return {
    always: of('always'),
    byHost: of('byHost'),
    byColumns,
    columns: [...new Set(byColumns.flatMap(({ columns }) => columns))],
    onIncident: of('onIncident'),
  };
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
