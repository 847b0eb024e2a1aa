import { type ContainerView, EVENT_TYPES, type ProcessInfo } from '../../../../kernel/contracts/index.js';
import { present } from '../shared/presentation.js';
import type { Limits } from '../shared/reading.js';
import { appMetricsSection } from './app-metrics.js';
import { chartsSection, usageOfLimits } from './charts.js';
import { containerTable, type Entry, tableQuery } from './container-table.js';
import { factList, identityFacts, labelsBlock, limitFacts, machineFacts } from './facts.js';
import { fieldsSection } from './fields.js';
import { breadcrumbOf, page } from './frame.js';
import { html, type Pieces } from './html.js';
import type { PageRequest } from './page-request.js';
import { missingBlock } from './problems.js';
import { limitsOf, readingsOf } from './readings.js';
import { capsulesSection, eventsSection, filesystemsSection, interfacesSection, processesSection } from './tables.js';

/** So many events are shown. */
const EVENTS = 20;

/** The page of one container. */
export function containerPage(
  request: PageRequest,
  container: ContainerView,
  processes: readonly ProcessInfo[],
): Pieces {
  const { links } = request;
  const { name, description } = container;
  const title = description.aliases[0] ?? name;
  const { cores, memory } = shownLimits(request, container);
  return page(
    {
      ...request,
      title: name === '/' ? 'Host' : title,
      heading: name === '/' ? 'Host' : title,
      breadcrumb: breadcrumbOf(name, links),
      attributes: html`data-samples="${links.api('v2.0/stats', name)}" data-cores="${cores ?? ''}" data-memory="${memory ?? ''}"`,
    },
    parts(request, container, processes),
  );
}

function* parts(request: PageRequest, container: ContainerView, processes: readonly ProcessInfo[]): Pieces {
  const { agent, links, query } = request;
  const { name, description } = container;
  const presentation = present(readingsOf(container), shownLimits(request, container));
  const hasQuota = container.limits().cpu.quota !== undefined;
  yield chartsSection(presentation);
  const entries = container.children().map((child): Entry => {
    const label = name === '/' ? child : child.slice(name.length);
    return { name: child, label, href: links.container(child), container: agent.container(child) };
  });
  if (entries.length > 0) yield* containerTable('subcontainers', 'Subcontainers', entries, tableQuery(query));
  yield html`<div class="pair">${
    name === '/'
      ? html`<section id="machine"><h2>Machine</h2>${factList(machineFacts(agent.host.machine(), agent.host.versions()))}</section>`
      : html`<section id="identity" data-renewed><h2>Identity</h2>${factList(identityFacts(container))}${labelsBlock(description.labels)}</section>`
  }<section id="limits" data-renewed><h2>Limits</h2>${factList(limitFacts(container), usageOfLimits(presentation, hasQuota))}${missingBlock(container.missing)}</section></div>
`;
  yield filesystemsSection(container);
  yield interfacesSection(container);
  yield fieldsSection(container, request);
  yield appMetricsSection(container.appMetrics, request.now);
  yield processesSection(name, processes, request);
  const events = { containerName: name, below: true, types: new Set(EVENT_TYPES), max: EVENTS };
  yield eventsSection(agent.events.query(events), request);
  const capsules = agent.capsules.list().filter(({ container: of }) => name === '/' || of === name);
  if (capsules.length > 0) yield capsulesSection(capsules, links);
}

/** Those of the container; the host has as many CPUs as it has. */
function shownLimits({ agent }: PageRequest, container: ContainerView): Limits {
  const limits = limitsOf(container);
  return container.name === '/' ? { ...limits, cores: agent.host.machine().num_cores } : limits;
}
