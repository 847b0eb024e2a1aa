import type { AgentView, Diagnosis, Rule, RuleFinding } from '../../src/kernel/contracts/index.js';
import { Diagnostics } from '../../src/kernel/diagnosis/index.js';
import { PluginRecord } from '../../src/kernel/supervision/index.js';
import { type FakeAgentOptions, type FakeContainer, fakeAgent } from '../conformance/world/fake-agent.js';
import { column } from '../conformance/world/samples.js';

/** Time of the newest sample and of every question. */
export const NOW = 1_795_518_450_000_000;
const SPAN_US = 60_000_000;

/** Values of a field in two samples a minute apart; `name{a,b}` has labels; one number: the same in both. */
export type Series = Readonly<Record<string, number | readonly [before: number, after: number]>>;

/** A container whose fields had these values a minute ago and have them now. */
export function measured(name: string, series: Series, more: Partial<FakeContainer> = {}): FakeContainer {
  const cells = (index: 0 | 1) =>
    Object.entries(series).map(([key, value]) => {
      const [, field, labels] = /^([^{]+)(?:\{(.*)\})?$/.exec(key)!;
      return [column(field!, labels?.split(',')), typeof value === 'number' ? value : value[index]] as const;
    });
  const samples = [
    { time: NOW - SPAN_US, cells: cells(0) },
    { time: NOW, cells: cells(1) },
  ];
  return { name, samples, ...more };
}

/** What the kernel makes of the rules for these containers. */
export function diagnose(
  rules: readonly Rule[],
  containers: readonly FakeContainer[],
  more: Omit<FakeAgentOptions, 'containers'> & Partial<Pick<AgentView, 'self'>> = {},
): { readonly all: readonly Diagnosis[]; readonly faults: readonly string[]; of(name: string): Diagnosis | undefined } {
  const { self, ...options } = more;
  const agent = { ...fakeAgent({ ...options, containers }), ...(self && { self }) } as AgentView;
  const record = new PluginRecord('rules', 'rules', 'rules', 'retry');
  const faults: string[] = [];
  const diagnostics = new Diagnostics(
    { all: () => [{ record, kind: 'endpoint', instance: { routes: {}, rules } }] },
    { runAs: (_, call) => call(), fault: (_, what) => void faults.push(what) },
    { now: () => NOW, monotonic: () => 0 },
  );
  return { all: diagnostics.all(agent), faults, of: (name) => diagnostics.of(agent, name) };
}

/** What one rule finds in the first of these containers. */
export function judged(
  rule: Rule,
  containers: readonly FakeContainer[],
  more: Parameters<typeof diagnose>[2] = {},
): RuleFinding | undefined {
  const { of, faults } = diagnose([rule], containers, more);
  if (faults.length > 0) throw new Error(`the rule failed: ${faults.join(', ')}`);
  const diagnosis = of(containers[0]?.name ?? more.departed![0]!.name)!;
  if (diagnosis.lookedAt.length === 0) throw new Error(`not looked at: ${diagnosis.notLookedAt[0]?.reason}`);
  return diagnosis.findings[0];
}
