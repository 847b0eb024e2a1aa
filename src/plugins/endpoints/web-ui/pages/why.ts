import type { DiagnosedFinding, Diagnosis, RuleInfo } from '../../../../kernel/contracts/index.js';
import { type Html, html } from '../shared/html.js';

const WORDS: Readonly<Record<DiagnosedFinding['severity'], string>> = {
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
  return html`<li class="${severity}"><p><strong>${WORDS[severity]}</strong> ${what}</p><p class="quiet">${meaning}</p><ul class="evidence">${evidence.map(({ text }) => html`<li>${text}</li>`)}</ul><p>${mend}</p>${linesBlock(lines)}</li>`;
}

/** Lines that do something, by the tool that takes them. */
export function linesBlock(lines: readonly { readonly tool: string; readonly line: string }[]): Html | undefined {
  const [first, ...others] = lines;
  if (first === undefined) return undefined;
  const block = ({ tool, line }: { readonly tool: string; readonly line: string }): Html =>
    html`<div class="line"><span>${tool}</span><pre tabindex="0">${line}</pre></div>`;
  return html`${block(first)}${others.length > 0 && html`<details><summary>for ${others.map(({ tool }) => tool).join(', ')}</summary>${others.map(block)}</details>`}`;
}
