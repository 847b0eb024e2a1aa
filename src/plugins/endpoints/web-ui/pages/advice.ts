import { type AgentView, type ContainerView, isRequestError } from '../../../../kernel/contracts/index.js';
import { containerAnswer } from '../../advise/index.js';
import { type Html, type HtmlValue, html } from '../shared/html.js';
import { bytes, cores, percent } from '../shared/units.js';
import { linesBlock } from './why.js';

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
