import type { Row } from '../../../../client/top/index.js';
import { historyOf } from '../../top/index.js';
import { type Html, html, type Pieces } from '../shared/html.js';
import { headHtml, itemHtml, pagerHtml, type RowContext } from '../shared/table.js';
import {
  GROUP_CHOICES,
  inScope,
  type OverviewView,
  type Scope,
  STATE_CHOICES,
  shownOf,
  viewOf,
} from '../shared/view.js';
import type { PageRequest } from './page-request.js';

/** From so many rows on a table can be filtered. */
const FILTERED_FROM = 10;
/** So many suggestions for a filter. */
const SUGGESTIONS = 200;

/** A table of containers, one page of it as the query says. Yields after each row, so that others are answered meanwhile. */
export function* containersSection(request: PageRequest, scope: Scope): Pieces {
  const { links, query, snapshot, troubles, agent, now } = request;
  const view = viewOf(query);
  const rows = snapshot.rows.filter(inScope(scope));
  const shown = shownOf(rows, view, troubles, scope);
  const capsules = new Map(agent.capsules.list().map(({ container, id }) => [container, id]));
  const history = ({ facts }: Row) => {
    const container = agent.container(facts.path);
    return container && historyOf(container, now);
  };
  const context: RowContext = { links, troubles, capsules, now: now / 1000, history, parent: scope.parent };
  const hasFilters = scope.parent === undefined || rows.length >= FILTERED_FROM;
  yield html`<section id="containers" class="containers" data-url="${links.api('top', '')}" data-why="${links.api('why', '')}" data-capsules="${links.api('capsules', '')}" data-base="${links.base}" data-runtime="${scope.runtime}" data-parent="${scope.parent}">
${scope.parent === undefined ? html`<h2 class="offscreen">Containers</h2>` : html`<h2>Subcontainers</h2>`}${hasFilters && filters(view, rows, scope)}
<div class="scroll" role="region" aria-label="Containers" tabindex="0"><table class="overview"><thead>${headHtml(view)}</thead><tbody>
`;
  for (const item of shown.items) yield itemHtml(item, context);
  yield html`</tbody></table></div>
<nav class="pager" aria-label="Pages of this table">${pagerHtml(view, shown)}</nav>
<p class="none quiet"${shown.items.length > 0 && html` hidden`}>No container fits.</p></section>
`;
}

function filters(view: OverviewView, rows: readonly Row[], scope: Scope): Html {
  const labels = rows.flatMap(({ facts }) => Object.entries(facts.labels).map(([name, value]) => `${name}=${value}`));
  const images = rows.map(({ facts }) => facts.image ?? '');
  const groups = rows.map(({ facts }) => facts.project ?? facts.pod ?? '');
  const { sort, isReversed } = view;
  const hasCgroups = scope.parent === undefined && scope.runtime === undefined;
  return html`<form class="filters" method="get" role="search" aria-label="Containers">
<label class="search">Search <input type="search" name="q" value="${view.search}" placeholder="name, image, label:team=a, !word" autocomplete="off" spellcheck="false"></label>
<details><summary>Filters</summary><div class="more">
<label>State ${select('state', STATE_CHOICES, view.state)}</label>
${suggested('Project or pod', 'project', view.project, groups)}
${suggested('Image', 'image', view.image, images)}
${suggested('Label', 'label', view.label, labels)}
<label>Group by ${select('by', GROUP_CHOICES, view.by)}</label>
${hasCgroups && html`<label class="check"><input type="checkbox" name="all" value="1"${view.showsAll && html` checked`}> all cgroups</label>`}
</div></details>
<input type="hidden" name="sort" value="${sort}">${isReversed && html`<input type="hidden" name="reverse" value="1">`}
<button class="apply">Show</button></form>`;
}

function select(name: string, choices: Readonly<Record<string, string>>, chosen: string): Html {
  return html`<select name="${name}">${Object.entries(choices).map(
    ([value, text]) => html`<option value="${value}"${value === chosen && html` selected`}>${text}</option>`,
  )}</select>`;
}

function suggested(title: string, name: string, value: string, all: readonly string[]): Html {
  const choices = [...new Set(all)].filter(Boolean).sort().slice(0, SUGGESTIONS);
  return html`<label>${title} <input name="${name}" value="${value}" list="list-${name}" autocomplete="off" spellcheck="false"></label><datalist id="list-${name}">${choices.map((choice) => html`<option value="${choice}"></option>`)}</datalist>`;
}
