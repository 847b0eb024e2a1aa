import type { AgentView, Finding, PluginStatus, SinkStatus } from '../../../../kernel/contracts/index.js';
import { type Html, html } from '../shared/html.js';
import { bytes, plain, UNKNOWN } from '../shared/units.js';
import { tableSection } from './tables.js';
import { SEVERITIES } from './why.js';

/** What is broken: plugins that are not up, and what the doctor found. Always there, so that a live page can renew it. */
export function problemsSection(agent: AgentView): Html {
  const down = agent.plugins().filter(({ up }) => !up);
  const findings = agent.findings();
  const serious = findings.filter(({ severity }) => severity !== 'info');
  const notes = findings.filter(({ severity }) => severity === 'info');
  const pending = agent.pending();
  const isQuiet = down.length + serious.length + pending.length === 0;
  return html`<section id="problems" data-renewed class="${isQuiet ? 'notes' : 'problems'}">${
    !isQuiet &&
    html`<h2>What is broken</h2><ul>${down.map(pluginItem)}${serious.map(findingItem)}${
      pending.length > 0 &&
      html`<li><strong>Waiting</strong> ${pending.length} ${pending.length === 1 ? 'cgroup waits' : 'cgroups wait'} for what ${pending.length === 1 ? 'it is' : 'they are'} called; <code>${pending[0]!.name}</code>, of ${pending[0]!.handler}: ${pending[0]!.reason}</li>`
    }</ul>`
  }${
    notes.length > 0 &&
    html`<details><summary>${notes.length} ${notes.length === 1 ? 'thing' : 'things'} worth knowing about this host</summary><ul>${notes.map(findingItem)}</ul></details>`
  }</section>`;
}

function pluginItem({ id, state, lastError }: PluginStatus): Html {
  return html`<li class="error"><strong>Plugin ${id}</strong> is ${state}${lastError !== undefined && html`: ${lastError}`}</li>`;
}

function findingItem({ severity, what, effect, mend }: Finding): Html {
  return html`<li class="${severity}"><strong>${SEVERITIES[severity]}</strong><p>${what}</p>${effect !== '' && html`<p>${effect}</p>`}${mend !== '' && html`<pre>${mend}</pre>`}</li>`;
}

/** How the deliveries of the sinks go. @param nowUs since the epoch */
export function sinksSection(agent: AgentView, nowUs: number): Html | undefined {
  const rows = agent.plugins().flatMap(({ id, sink }) => (sink === undefined ? [] : [sinkRow(id, sink, nowUs)]));
  const columns = ['Sink', 'Waiting', 'In the queue', 'Oldest', 'Every', 'Sent', 'Dropped', 'Latency', 'Last error'];
  return tableSection('sinks', 'Sinks', columns, rows);
}

function sinkRow(
  id: string,
  { queue, sent, dropped, attempts, attemptMs, failure, ...pace }: SinkStatus,
  nowUs: number,
): Html {
  const oldest = queue.oldest === undefined ? UNKNOWN : `${plain(Math.max(0, (nowUs - queue.oldest) / 1e6))} s`;
  const reasons = Object.entries(dropped).map(([reason, points]) => `${points} ${reason}`);
  const latency = attempts === 0 ? UNKNOWN : `${plain(attemptMs / attempts)} ms`;
  const error = [failure, queue.diskError && `queue in memory: ${queue.diskError}`].filter(Boolean).join('; ');
  return html`<tr><th scope="row">${id}</th><td class="number" title="data points in ${queue.batches} batches">${queue.points}</td><td class="number">${bytes(queue.bytes)} of ${bytes(queue.maxBytes)}</td><td class="number">${oldest}</td><td class="number"${pace.stretch > 1 && html` title="longer than configured, to keep within the budget"`}>${plain(pace.intervalMs / 1000)} s</td><td class="number" title="data points, ${bytes(sent.bytes)}">${sent.points}</td><td class="number">${reasons.join(', ') || 0}</td><td class="number" title="mean of all attempts">${latency}</td><td>${error !== '' && html`<span class="error">${error}</span>`}</td></tr>
`;
}

/** What of one container is not measured, and why. */
export function missingBlock(missing: readonly { readonly what: string; readonly reason: string }[]): Html | undefined {
  if (missing.length === 0) return undefined;
  return html`<details><summary>${missing.length} ${missing.length === 1 ? 'number is' : 'numbers are'} missing here</summary>
<dl class="facts labels">${missing.map(({ what, reason }) => html`<div><dt><code>${what}</code></dt><dd>${reason}</dd></div>`)}</dl></details>`;
}
