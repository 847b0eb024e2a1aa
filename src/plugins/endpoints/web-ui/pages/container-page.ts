import {
  type ContainerView,
  type DepartedContainer,
  EVENT_TYPES,
  type ProcessInfo,
} from '../../../../kernel/contracts/index.js';
import { type Html, html, type Pieces } from '../shared/html.js';
import { chartsSection, limitsHolder } from './charts.js';
import { containersSection } from './containers-section.js';
import { factList, identityFacts, labelsBlock, limitFacts, machineFacts, stateText, usageFacts } from './facts.js';
import { breadcrumbOf, page } from './frame.js';
import { appMetricsSection, fieldsSection } from './numbers.js';
import type { PageRequest } from './page-request.js';
import { missingBlock, sinksSection } from './problems.js';
import {
  capsulesSection,
  eventsSection,
  filesystemsSection,
  interfacesSection,
  processesSection,
  timeOf,
} from './tables.js';
import { adviceSection, whySection } from './why.js';

/** So many events are shown. */
const EVENTS = 20;
/** So many cgroups that are not monitored are named. */
const UNMONITORED = 20;

/** The page of one container, or of the machine. */
export function containerPage(
  request: PageRequest,
  container: ContainerView,
  processes: readonly ProcessInfo[],
): Pieces {
  const { name, description } = container;
  const title = name === '/' ? 'Host' : (description.aliases[0] ?? name);
  const frame = { ...request, title, breadcrumb: breadcrumbOf(name, request.links) };
  return page(frame, parts(request, container, processes));
}

function* parts(request: PageRequest, container: ContainerView, processes: readonly ProcessInfo[]): Pieces {
  const { agent, isRenewal, wantsTable } = request;
  const { name, description } = container;
  const isRoot = name === '/';
  yield isRenewal ? limitsHolder(container, request) : chartsSection(container, request);
  yield html`<div class="pair">${whySection(agent.diagnose(name))}${!isRoot && adviceSection(agent, container)}</div>
`;
  const children = container.children();
  if (children.length > 0 && wantsTable) yield* subcontainers(request, name, children);
  yield html`<div class="pair">${
    isRoot
      ? html`<section id="machine"><h2>Machine</h2>${factList(machineFacts(agent.host.machine(), agent.host.versions()))}</section>`
      : html`<section id="identity" data-renewed><h2>Identity</h2>${factList(identityFacts(container))}${labelsBlock(description.labels)}</section>`
  }<section id="limits" data-renewed><h2>Limits</h2>${factList([...limitFacts(container, request), ...usageFacts(container, request)])}${missingBlock(container.missing)}</section></div>
`;
  yield filesystemsSection(container);
  yield interfacesSection(container);
  yield fieldsSection(container, request);
  yield html`<div id="app-charts"></div>`;
  yield appMetricsSection(container.appMetrics, request.now);
  yield processesSection(name, processes, request);
  if (isRoot) yield sinksSection(agent, request.now);
  yield eventsOf(request, name);
  yield capsulesOf(request, name);
  yield jsonLinks(request, name);
}

function* subcontainers(request: PageRequest, name: string, children: readonly string[]): Pieces {
  const { agent } = request;
  const unmonitored = children.filter((child) => agent.container(child) === undefined);
  if (unmonitored.length < children.length) yield* containersSection(request, { parent: name });
  if (unmonitored.length === 0) return;
  const shown = unmonitored.slice(0, UNMONITORED).map((child) => html`<code>${child}</code> `);
  yield html`<section id="unmonitored" data-renewed><h2>Cgroups that are not monitored <small>${unmonitored.length}</small></h2><p>${shown}</p></section>`;
}

function eventsOf(request: PageRequest, name: string): Html | undefined {
  const events = { containerName: name, below: true, types: new Set(EVENT_TYPES), max: EVENTS };
  return eventsSection(request.agent.events.query(events), request);
}

function capsulesOf({ agent, links }: PageRequest, name: string): Html | undefined {
  const capsules = agent.capsules.list().filter(({ container }) => name === '/' || container === name);
  return capsulesSection(capsules, links);
}

/** The same as JSON. */
function jsonLinks({ links }: PageRequest, name: string): Html {
  const answers = [
    ['numbers', links.api('top', name)],
    ['samples', links.api('v2.0/stats', name)],
    ['spec', links.api('v2.0/spec', name)],
    ['summary', links.api('v2.0/summary', name)],
    ['what is wrong', links.api('why', name)],
    ...(name === '/' ? [] : [['advice', links.api('advise', name)] as const]),
  ] as const;
  return html`<p class="json quiet">As JSON: ${answers.map(([text, href], index) => html`${index > 0 && ' · '}<a href="${href}">${text}</a>`)}</p>`;
}

/** The page of a container that ended a short while ago. */
export function endedPage(request: PageRequest, { name, description }: DepartedContainer): Pieces {
  const { agent } = request;
  const { aliases, id, image, namespace, state, restartCount, labels } = description;
  const title = aliases[0] ?? name;
  const facts = factList([
    ['Cgroup', html`<code>${name}</code>`],
    ['Namespace', namespace],
    ['Id', id !== undefined && html`<code>${id}</code>`],
    ['Image', image !== undefined && html`<code>${image}</code>`],
    ['State', stateText(state)],
    ['Restarts', restartCount],
    ['Started', state.startedAt !== undefined && timeOf(state.startedAt)],
    ['Ended', state.finishedAt !== undefined && timeOf(state.finishedAt)],
  ]);
  return page(
    { ...request, title, heading: html`${title} <small>ended</small>`, breadcrumb: breadcrumbOf(name, request.links) },
    [
      html`<div class="pair">${whySection(agent.diagnose(name))}<section id="identity" data-renewed><h2>Identity</h2>${facts}${labelsBlock(labels)}</section></div>`,
      capsulesOf(request, name),
      eventsOf(request, name),
    ],
  );
}
