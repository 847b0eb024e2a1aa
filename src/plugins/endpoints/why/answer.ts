import {
  type AgentView,
  type DiagnosedFinding,
  type Diagnosis,
  findContainer,
  type RuleInfo,
  type z,
} from '../../../kernel/contracts/index.js';
import { timeText } from '../common/index.js';
import { label } from './rules/text.js';
import type { briefWhy } from './schema.js';

const WORST = 3;
/** Samples older than this are renewed before a container is judged, µs. */
const MAX_AGE_US = 1_000_000;

/** The answer about one container. @throws RequestError when there is none, or several fit */
export async function containerAnswer(agent: AgentView, text: string) {
  const { name } = findContainer(agent, text);
  const container = agent.container(name);
  if (container !== undefined) await agent.refresh([container], MAX_AGE_US);
  // It may have ended during the refresh.
  const diagnosis = agent.diagnose(name) ?? agent.diagnose(findContainer(agent, text).name)!;
  const { description, isRunning, time, findings, lookedAt, notLookedAt } = diagnosis;
  return {
    container: { name, aliases: description.aliases, running: isRunning },
    time: timeText(time),
    findings: findings.map((finding) => findingJson(diagnosis, finding)),
    looked_at: lookedAt.map(ruleJson),
    not_looked_at: notLookedAt.map(({ rule, reason }) => ({ ...ruleJson(rule), reason })),
  };
}

/** The answer about the whole host: its worst findings. */
export function hostAnswer(agent: AgentView) {
  const all = agent.diagnoseAll();
  const causes = causesIn(all).sort(
    (a, b) =>
      b.finding.harm - a.finding.harm ||
      compare(a.diagnosis.name, b.diagnosis.name) ||
      compare(a.finding.rule, b.finding.rule),
  );
  // Containers with the same columns share these lists.
  const rules = new Set([...new Set(all.map(({ lookedAt }) => lookedAt))].flat());
  return {
    containers: all.length,
    time: timeText(all[0]?.time ?? Date.now() * 1000),
    findings: causes.slice(0, WORST).map(({ diagnosis, finding }) => findingJson(diagnosis, finding)),
    further_findings: Math.max(0, causes.length - WORST),
    looked_at: [...rules].map(ruleJson),
    not_looked_at: notLookedAt(all),
  };
}

type BriefFinding = z.output<typeof briefWhy>['containers'][number];

/** The worst finding of each container that has one, in short. */
export function briefAnswer(agent: AgentView) {
  const all = agent.diagnoseAll();
  const worst = new Map<string, BriefFinding>();
  // Those of a container are sorted by harm.
  for (const { diagnosis, finding } of causesIn(all)) {
    const { name: container } = diagnosis;
    const { severity, rule, what } = finding;
    const known = worst.get(container);
    if (known === undefined) worst.set(container, { container, severity, rule, what, findings: 1 });
    else known.findings++;
  }
  return { time: timeText(all[0]?.time ?? Date.now() * 1000), containers: [...worst.values()] };
}

/** All findings, but not those of cgroups above: a cgroup shows the trouble of those below it too. */
function causesIn(all: readonly Diagnosis[]) {
  const found = all.flatMap((diagnosis) => diagnosis.findings.map((finding) => ({ diagnosis, finding })));
  const explained = new Set<string>();
  for (const { diagnosis, finding } of found) {
    const { name } = diagnosis;
    for (let end = name.lastIndexOf('/'); end >= 0; end = name.lastIndexOf('/', end - 1)) {
      explained.add(`${finding.rule} ${name.slice(0, end) || '/'}`);
      if (end === 0) break;
    }
  }
  return found.filter(
    ({ diagnosis, finding }) => diagnosis.name === '/' || !explained.has(`${finding.rule} ${diagnosis.name}`),
  );
}

/** Rules that could not be applied to some containers, with the reason that most of them share. */
function notLookedAt(all: readonly Diagnosis[]) {
  const byRule = new Map<string, { rule: RuleInfo; reasons: Map<string, number> }>();
  const lists = new Map<Diagnosis['notLookedAt'], number>();
  for (const { notLookedAt } of all) lists.set(notLookedAt, (lists.get(notLookedAt) ?? 0) + 1);
  for (const [list, containers] of lists) {
    for (const { rule, reason } of list) {
      const known = byRule.get(rule.id) ?? { rule, reasons: new Map<string, number>() };
      byRule.set(rule.id, known);
      known.reasons.set(reason, (known.reasons.get(reason) ?? 0) + containers);
    }
  }
  return [...byRule.values()].map(({ rule, reasons }) => {
    const [reason] = [...reasons].sort((a, b) => b[1] - a[1])[0]!;
    const containers = [...reasons.values()].reduce((sum, count) => sum + count, 0);
    return { ...ruleJson(rule), reason, containers };
  });
}

function findingJson({ name, description }: Diagnosis, finding: DiagnosedFinding) {
  const { rule, severity, harm, what, meaning, evidence, mend, lines = [] } = finding;
  return {
    rule,
    severity,
    harm: Math.round(harm),
    container: name,
    label: label({ name, description }),
    what,
    meaning,
    evidence: evidence.map(({ text, values, start, end }) => ({
      text,
      values,
      start: timeText(start),
      end: timeText(end),
    })),
    mend,
    lines,
  };
}

function ruleJson({ id, title }: RuleInfo) {
  return { rule: id, title };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
