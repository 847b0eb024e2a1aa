import {
  type AgentView,
  type ContainerView,
  type DiagnosedFinding,
  type Diagnosis,
  type Finding,
  isRequestError,
  type RuleInfo,
} from '../../../../kernel/contracts/index.js';
import { containerAnswer } from '../../advise/index.js';
import { type Html, type HtmlValue, html } from '../shared/html.js';
import { bytes, cores, percent } from '../shared/units.js';

/** How bad a finding is. */
export const SEVERITIES: Readonly<Record<Finding['severity'], string>> = {
  error: 'Error',
  warning: 'Warning',
  info: 'Note',
};

/** What is wrong with a container, the worst first, and what was looked at. */
export function whySection(diagnosis: Diagnosis | undefined): Html {
  const { findings = [], lookedAt = [], notLookedAt = [] } = diagnosis ?? {};
  const titles = (rules: readonly RuleInfo[]): string => rules.map(({ title }) => title).join(', ');
  const reasons = notLookedAt.map(({ rule, reason }) => html`<li>${rule.title}: ${reason}</li>`);
  return html`<section id="why" data-renewed><h2>What is wrong${findings.length > 0 && html` <small>${findings.length}</small>`}</h2>${
    findings.length > 0
      ? html`<ul class="findings">${findings.map(findingItem)}</ul>`
      : html`<p class="fine">${lookedAt.length > 0 ? 'Nothing is wrong.' : 'Nothing was looked at: see the plugin why.'}</p>`
  }${
    lookedAt.length + reasons.length > 0 &&
    html`<details class="quiet"><summary>${lookedAt.length} ${lookedAt.length === 1 ? 'thing was' : 'things were'} looked at</summary><p>${titles(lookedAt)}</p>${reasons.length > 0 && html`<p>Not looked at:</p><ul>${reasons}</ul>`}</details>`
  }</section>`;
}

function findingItem({ severity, what, meaning, evidence, mend, lines = [] }: DiagnosedFinding): Html {
  return html`<li class="${severity}"><p><strong>${SEVERITIES[severity]}</strong> ${what}</p><p class="quiet">${meaning}</p><ul class="evidence">${evidence.map(({ text }) => html`<li>${text}</li>`)}</ul><p>${mend}</p>${linesBlock(lines)}</li>`;
}

/** Lines that do something, by the tool that takes them. */
function linesBlock(lines: readonly { readonly tool: string; readonly line: string }[]): Html | undefined {
  const [first, ...others] = lines;
  if (first === undefined) return undefined;
  const block = ({ tool, line }: { readonly tool: string; readonly line: string }): Html =>
    html`<div class="line"><span>${tool}</span><pre tabindex="0">${line}</pre></div>`;
  return html`${block(first)}${others.length > 0 && html`<details><summary>for ${others.map(({ tool }) => tool).join(', ')}</summary>${others.map(block)}</details>`}`;
}

/** Limits for a container from what it used; why there are none where there is too little data. */
export function adviceSection(agent: AgentView, { name }: ContainerView): Html {
  return html`<section id="advice" data-renewed><h2>Advice</h2>${content(agent, name)}</section>`;
}

function content(agent: AgentView, name: string): Html {
  let answer: ReturnType<typeof containerAnswer>;
  try {
    answer = containerAnswer(agent, name);
  } catch (error) {
    if (!isRequestError(error)) throw error;
    return html`<p class="quiet">${error.message}</p>`;
  }
  if (!('advice' in answer)) return html`<p class="quiet">No advice yet: ${answer.reason}.</p>`;
  const { data, used, now, advice, savings, risks, lines } = answer;
  const row = (what: string, ...cells: readonly HtmlValue[]): Html =>
    html`<tr><th scope="row">${what}</th>${cells.map((cell) => html`<td class="num">${cell}</td>`)}</tr>`;
  return html`<p class="quiet">From ${data.text}, confidence ${data.confidence}; ${percent(advice.margin.request * 100)} and ${percent(advice.margin.limit * 100)} above what was used.</p>
<div class="scroll" role="region" aria-label="Advice" tabindex="0"><table><thead><tr><td></td>${['typical', '95th percentile', 'most', 'limit now', 'request', 'limit'].map((head) => html`<th scope="col" class="num">${head}</th>`)}</tr></thead><tbody>${row(
    'CPU',
    cores(used.cpu.p50_cpus),
    cores(used.cpu.p95_cpus),
    cores(used.cpu.max_cpus),
    now.cpu_limit === null ? 'none' : cores(now.cpu_limit),
    html`<strong>${cores(advice.cpu_request)}</strong>`,
    html`<strong>${cores(advice.cpu_limit)}</strong>`,
  )}${row(
    'Memory',
    bytes(used.memory.p50_bytes),
    bytes(used.memory.p95_bytes),
    bytes(used.memory.max_bytes),
    now.memory_limit_bytes === null ? 'none' : bytes(now.memory_limit_bytes),
    html`<strong>${bytes(advice.memory_request_bytes)}</strong>`,
    html`<strong>${bytes(advice.memory_limit_bytes)}</strong>`,
  )}</tbody></table></div><ul>${[...risks, ...savings].map((text) => html`<li>${text}</li>`)}</ul>${linesBlock(lines)}`;
}
