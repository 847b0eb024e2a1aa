import { html, type Pieces } from '../shared/html.js';
import { chartsSection } from './charts.js';
import { containersSection } from './containers-section.js';
import { page } from './frame.js';
import type { PageRequest } from './page-request.js';
import { capsulesSection } from './tables.js';

/** The first page: the host’s charts above a table of all its containers. */
export function overviewPage(request: PageRequest): Pieces {
  return page({ ...request, title: 'Containers', heading: 'Containers' }, parts(request));
}

function* parts(request: PageRequest): Pieces {
  const { agent, links, isRenewal } = request;
  const host = agent.container('/');
  if (!isRenewal) {
    if (host !== undefined) {
      yield html`<details class="host"><summary>Host</summary>${chartsSection(host, request)}</details>
`;
    }
    yield* containersSection(request, 'Containers', {});
  }
  const capsules = agent.capsules.list();
  if (capsules.length > 0) yield capsulesSection(capsules, links);
}
