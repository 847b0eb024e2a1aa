import type { EngineReport } from '../../../../kernel/contracts/index.js';
import { type Html, html, type Pieces } from '../shared/html.js';
import { bytes } from '../shared/units.js';
import { chartsSection } from './charts.js';
import { containersSection } from './containers-section.js';
import { factList } from './facts.js';
import { capitalized, page } from './frame.js';
import type { PageRequest } from './page-request.js';
import { capsulesSection, countedHeading, tableSection, timeOf } from './tables.js';

/** So many images of an engine are shown, the largest. */
const IMAGES = 100;

/** The first page: the host’s charts above a table of all its containers. */
export function overviewPage(request: PageRequest): Pieces {
  return page({ ...request, title: 'Containers' }, overviewParts(request));
}

function* overviewParts(request: PageRequest): Pieces {
  const { agent, links, isRenewal } = request;
  const host = agent.container('/');
  if (!isRenewal) {
    if (host !== undefined) {
      yield html`<details class="host"><summary>Host</summary>${chartsSection(host, request)}</details>
`;
    }
    yield* containersSection(request, {});
  }
  yield capsulesSection(agent.capsules.list(), links);
}

/** The containers of a namespace, with what its engines say of themselves. */
export function listPage(request: PageRequest, namespace: string, engines: readonly EngineReport[]): Pieces {
  const { links } = request;
  const title = `${capitalized(namespace)} containers`;
  const breadcrumb = html`<ol><li><a href="${links.overview()}">Containers</a></li><li><span aria-current="page">${namespace}</span></li></ol>`;
  return page({ ...request, title, breadcrumb }, namespaceParts(request, namespace, engines));
}

function* namespaceParts(request: PageRequest, namespace: string, engines: readonly EngineReport[]): Pieces {
  const { agent, links, wantsTable } = request;
  const departed = agent.departed().filter(({ description }) => description.namespace === namespace);
  const count = agent.containersOf(namespace).length + departed.length;
  if (count > 0 && wantsTable) yield* containersSection(request, { runtime: namespace });
  if (count === 0)
    yield html`<section id="nothing" data-renewed><p class="quiet">No container of ${namespace} runs.</p></section>`;
  const capsules = agent.capsules.list().filter(({ runtime }) => runtime === namespace);
  yield capsulesSection(capsules, links);
  const own = engines.filter(({ runtime }) => runtime === namespace);
  yield* own.map(engineSection);
  if (own.length + count === 0) {
    yield html`<section><p class="quiet">No container handler of that name runs: see <code>plugins</code> in the configuration.</p></section>`;
  }
}

function engineSection({ runtime, endpoint, info, reason }: EngineReport): Html {
  if (info === undefined) {
    return html`<section><h2>${capitalized(runtime)}</h2><p class="error">${endpoint} cannot be asked: ${reason ?? 'it said nothing'}</p></section>`;
  }
  const { total, running, paused, stopped } = info.containers;
  const images = [...info.images].sort((a, b) => b.size - a.size);
  return html`<section><h2>${capitalized(runtime)} ${info.version}</h2>${factList([
    ['Address', html`<code>${endpoint}</code>`],
    ['API version', info.apiVersion],
    ['Containers', `${total}: ${running} running, ${paused} paused, ${stopped} stopped`],
    ['Storage driver', info.storageDriver],
    ...info.storageStatus.map(({ name, value }) => [name, value] as const),
    ['Data', html`<code>${info.rootDirectory}</code>`],
    ['Cgroup driver', info.cgroupDriver],
    ['Operating system', info.os],
    ['Kernel', info.kernelVersion],
    ['Host', info.hostname],
  ])}</section>${imagesSection(images)}`;
}

function imagesSection(images: NonNullable<EngineReport['info']>['images']): Html | undefined {
  const shown = images.slice(0, IMAGES);
  const rows = shown.map(
    ({ id, tags, size, createdAt }) =>
      html`<tr><th scope="row"><code title="${id}">${tags.length > 0 ? tags.join(', ') : id}</code></th><td class="number">${bytes(size)}</td><td>${timeOf(createdAt)}</td></tr>
`,
  );
  const heading = countedHeading('Images', images.length, shown.length, `${shown.length} largest`);
  return tableSection('images', heading, ['Image', 'Size', 'Made'], rows);
}
