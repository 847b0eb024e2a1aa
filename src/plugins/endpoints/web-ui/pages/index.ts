import {
  type Answer,
  type AnyAnswer,
  type ApiRequest,
  type ContainerView,
  containerWithAlias,
  isRequestError,
  type PluginContext,
  RequestError,
  Slices,
} from '../../../../kernel/contracts/index.js';
import { html, type Pieces } from '../shared/html.js';
import { Links } from '../shared/links.js';
import { Assets } from './assets.js';
import { containerPage, endedPage } from './container-page.js';
import { breadcrumbOf, PAGE_HEADERS, page } from './frame.js';
import { listPage, overviewPage } from './list-pages.js';
import { Overviews, type PageRequest } from './page-request.js';

/** What a page without a table of containers has of them. */
const NOTHING: Pick<PageRequest, 'snapshot' | 'troubles'> = {
  snapshot: { version: '', time: 0, host: { cores: 0, memory: 0 }, rows: [], history: {} },
  troubles: new Map(),
};

/** The pages of an agent. */
export class Pages {
  private readonly assets = new Assets();
  private readonly overviews: Overviews;

  /** @param namespaces those that have a list */
  constructor(
    private readonly context: Pick<PluginContext, 'agent' | 'clock'>,
    private readonly namespaces: readonly string[],
  ) {
    this.overviews = new Overviews(context.agent, context.clock);
  }

  /** `/containers/…`: all containers, or one, by its absolute name. @throws RequestError 404 */
  async container(request: ApiRequest): Promise<AnyAnswer> {
    const { args, containerName } = request;
    if (args.length === 0) return this.overview(request);
    const { agent } = this.context;
    const container = agent.container(containerName);
    if (container !== undefined) return this.ofContainer(request, container);
    const ended = agent.departed().findLast(({ name }) => name === containerName);
    if (ended !== undefined) return answerOf(endedPage(await this.pageRequest(request), ended));
    return this.refusal(request, `unknown container ${JSON.stringify(containerName)}`, 404);
  }

  /** Sends the head of the page at once: a browser loads the style and paints it while the table is being made. */
  private overview(request: ApiRequest): AnyAnswer {
    const pageRequest = this.requestWithoutTable(request, true);
    // The rest of the page is made after the table is there.
    const stream = streamed(overviewPage(pageRequest), () => this.fill(pageRequest));
    return { contentType: PAGE_TYPE, headers: PAGE_HEADERS, stream };
  }

  /** `/host/` @throws RequestError 404 */
  async host(request: ApiRequest): Promise<Answer> {
    const root = request.args.length === 0 ? this.context.agent.container('/') : undefined;
    if (root === undefined) return this.refusal(request, 'the machine is not monitored', 404);
    return this.ofContainer(request, root);
  }

  /** `/docker/…`: the list, or the page of one container. @throws RequestError 404 */
  async namespace(namespace: string, request: ApiRequest): Promise<Answer> {
    const { agent } = this.context;
    if (request.args.length > 0) return this.ofAlias(namespace, request);
    const engines = await agent.engines();
    return answerOf(listPage(await this.pageRequest(request, true), namespace, engines));
  }

  /** `/static/…` @throws RequestError 404 */
  asset(request: ApiRequest): Answer {
    return this.assets.answer(request);
  }

  private async ofContainer(request: ApiRequest, container: ContainerView): Promise<Answer> {
    const processes = await this.context.agent.host.processes();
    const pageRequest = await this.pageRequest(request, container.children().length > 0);
    return answerOf(containerPage(pageRequest, container, processes));
  }

  private async ofAlias(namespace: string, request: ApiRequest): Promise<Answer> {
    let container: ContainerView;
    try {
      container = containerWithAlias(this.context.agent, namespace, request.args.join('/'));
    } catch (error) {
      if (!isRequestError(error)) throw error;
      return this.refusal(request, error.message, error.status);
    }
    return this.ofContainer(request, container);
  }

  /** A page with the reason for browsers. @throws RequestError with the text that other clients know */
  private async refusal(request: ApiRequest, reason: string, status: number): Promise<Answer> {
    if (request.header('accept')?.includes('text/html') !== true) {
      const name = JSON.stringify(request.containerName);
      throw new RequestError(status, `failed to get container ${name} with error: ${reason}`);
    }
    return { ...answerOf(refusalPage(await this.pageRequest(request), reason)), status };
  }

  /** @param hasTable whether the page has a table of containers */
  private async pageRequest(request: ApiRequest, hasTable = false): Promise<PageRequest> {
    const pageRequest = this.requestWithoutTable(request, hasTable);
    await this.fill(pageRequest);
    return pageRequest;
  }

  private async fill(pageRequest: PageRequest): Promise<void> {
    if (pageRequest.wantsTable) Object.assign(pageRequest, await this.overviews.current());
  }

  private requestWithoutTable({ basePath, query }: ApiRequest, hasTable: boolean): PageRequest {
    const { agent, clock } = this.context;
    const isRenewal = query.get('renew') === '1';
    const links = new Links(basePath);
    const wantsTable = hasTable && (!isRenewal || query.get('table') === '1');
    return { agent, links, query, namespaces: this.namespaces, now: clock.now(), isRenewal, wantsTable, ...NOTHING };
  }
}

function refusalPage(request: PageRequest, reason: string): Pieces {
  const link = html`<a href="${request.links.overview()}">All containers</a>`;
  const parts = [html`<section><p class="error">${reason}</p><p>${link}</p></section>`];
  return page({ ...request, title: 'Not found', breadcrumb: breadcrumbOf('/', request.links) }, parts);
}

const PAGE_TYPE = 'text/html; charset=utf-8';
const CHUNK_LENGTH = 16_384;

/** The first piece by itself, then the others in chunks. @param prepare is done after the first one */
async function* streamed(pieces: Pieces, prepare: () => Promise<void>): AsyncGenerator<string> {
  const head = pieces.next().value;
  if (head !== undefined) yield head.text;
  await prepare();
  const slices = new Slices();
  let chunk = '';
  for (const piece of pieces) {
    chunk += piece?.text ?? '';
    if (chunk.length >= CHUNK_LENGTH) {
      yield chunk;
      chunk = '';
    }
    if (slices.isOver()) await slices.pause();
  }
  yield chunk;
}

function answerOf(pieces: Pieces): Answer {
  return {
    contentType: PAGE_TYPE,
    headers: PAGE_HEADERS,
    *body(out) {
      for (const piece of pieces) {
        if (piece !== undefined) out.text(piece.text);
        yield;
      }
    },
  };
}
