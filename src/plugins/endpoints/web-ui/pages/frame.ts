import type { AgentView } from '../../../../kernel/contracts/index.js';
import { type Html, html, type Pieces } from '../shared/html.js';
import type { Links } from '../shared/links.js';
import type { PageRequest } from './page-request.js';
import { problemsSection } from './problems.js';
import { timeOf } from './tables.js';

/** Nothing but what the agent itself serves, and nothing that is written into the page. */
export const PAGE_HEADERS = {
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
  'Cache-Control': 'no-store',
};

/** What every page has around its own parts. */
export interface Frame extends PageRequest {
  readonly title: string;
  /** Default: the title. */
  readonly heading?: Html;
  /** Absent on the first page. */
  readonly breadcrumb?: Html;
}

/** A whole page, piece by piece. */
export function* page(frame: Frame, parts: Iterable<Html | undefined>): Pieces {
  const { agent, links, namespaces, title, heading = title, breadcrumb, now } = frame;
  const lists = namespaces
    .filter((namespace) => isInUse(agent, namespace))
    .map((namespace) => html`<a href="${links.namespace(namespace)}">${capitalized(namespace)}</a>`);
  yield html`<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>${title} – Tallyman</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">
<link rel="icon" href="${links.asset('browser/icon.svg')}"><link rel="stylesheet" href="${links.asset('browser/page.css')}">
<script type="module" src="${links.asset('browser/page.js')}"></script></head>
<body><a class="skip" href="#main">Skip to the numbers</a>
<header><p class="brand"><a href="${links.overview()}">Tallyman</a></p><nav aria-label="Main"><a href="${links.overview()}">Containers</a><a href="${links.container('/')}">Host</a>${lists}</nav>
<p id="status" role="status">as of ${timeOf(now)}</p></header>
<main id="main">
${breadcrumb && html`<nav class="breadcrumb" aria-label="Where this is">${breadcrumb}</nav>`}
<h1>${heading}</h1>
${problemsSection(agent)}
`;
  for (const part of parts) yield part;
  yield html`</main>
<footer><p>Tallyman ${agent.version} · <a href="${links.api('openapi.json', '')}">API</a> · <a href="${links.api('plugins', '')}">plugins</a></p></footer>
</body></html>
`;
}

/** Whether a list would have anything: containers, or an engine that answers. */
function isInUse(agent: AgentView, namespace: string): boolean {
  return agent.containersOf(namespace).length > 0 || agent.runtimes().some(({ name }) => name === namespace);
}

/** `Containers › docker › …`, each step a link but the last. */
export function breadcrumbOf(name: string, links: Links): Html {
  const segments = name.split('/').filter(Boolean);
  const steps = segments.map((segment, index) => {
    const path = `/${segments.slice(0, index + 1).join('/')}`;
    const isLast = index === segments.length - 1;
    // An engine's id is as unmistakable by its beginning, and leaves room for the rest.
    const word = segment.replace(/[0-9a-f]{64}/, (id) => `${id.slice(0, 12)}…`);
    return isLast
      ? html`<li><span aria-current="page" title="${segment}">${word}</span></li>`
      : html`<li><a href="${links.container(path)}" title="${segment}">${word}</a></li>`;
  });
  return html`<ol><li><a href="${links.overview()}">Containers</a></li>${steps}</ol>`;
}

export function capitalized(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}
