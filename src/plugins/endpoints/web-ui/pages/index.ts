import {
  type Answer,
  type ApiRequest,
  type ContainerView,
  containerWithAlias,
  isRequestError,
  type PluginContext,
  RequestError,
} from '../../../../kernel/contracts/index.js';
import { Assets } from './assets.js';
import { containerPage } from './container-page.js';
import { PAGE_HEADERS, page } from './frame.js';
import { html, type Pieces } from './html.js';
import { Links } from './links.js';
import { listPage } from './list-page.js';
import type { PageRequest } from './page-request.js';

/** The pages of an agent. */
export class Pages {
  private readonly assets = new Assets();

  /** @param namespaces those that have a list */
  constructor(
    private readonly context: Pick<PluginContext, 'agent' | 'clock'>,
    private readonly namespaces: readonly string[],
  ) {}

  /** `/containers/…` @throws RequestError 404 */
  async container(request: ApiRequest): Promise<Answer> {
    const container = this.context.agent.container(request.containerName);
    if (container === undefined) {
      return this.refusal(request, `unknown container ${JSON.stringify(request.containerName)}`, 404);
    }
    return this.ofContainer(request, container);
  }

  /** `/docker/…`: the list, or the page of one container. @throws RequestError 404 */
  async namespace(namespace: string, request: ApiRequest): Promise<Answer> {
    const { agent } = this.context;
    if (request.args.length > 0) return this.ofAlias(namespace, request);
    const engines = await agent.engines();
    return answerOf(listPage(this.pageRequest(request), namespace, engines));
  }

  /** `/static/…` @throws RequestError 404 */
  asset(request: ApiRequest): Answer {
    return this.assets.answer(request);
  }

  private async ofContainer(request: ApiRequest, container: ContainerView): Promise<Answer> {
    const processes = await this.context.agent.host.processes();
    return answerOf(containerPage(this.pageRequest(request), container, processes));
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
  private refusal(request: ApiRequest, reason: string, status: number): Answer {
    if (request.header('accept')?.includes('text/html') !== true) throw unavailable(request, reason, status);
    return { ...answerOf(refusalPage(this.pageRequest(request), reason)), status };
  }

  private pageRequest({ basePath, query }: ApiRequest): PageRequest {
    const { agent, clock } = this.context;
    return { agent, links: new Links(basePath), query, namespaces: this.namespaces, now: clock.now() };
  }
}

function unavailable({ containerName }: ApiRequest, reason: string, status: number): RequestError {
  return new RequestError(status, `failed to get container ${JSON.stringify(containerName)} with error: ${reason}`);
}

function refusalPage(request: PageRequest, reason: string): Pieces {
  const link = html`<a href="${request.links.container('/')}">All containers</a>`;
  const breadcrumb = html`<ol><li><a href="${request.links.container('/')}">/</a></li></ol>`;
  const parts = [html`<section><p class="error">${reason}</p><p>${link}</p></section>`];
  return page({ ...request, title: 'Not found', heading: 'Not found', breadcrumb }, parts);
}

function answerOf(pieces: Pieces): Answer {
  return {
    contentType: 'text/html; charset=utf-8',
    headers: PAGE_HEADERS,
    *body(out) {
      for (const piece of pieces) {
        if (piece !== undefined) out.text(piece.text);
        yield;
      }
    },
  };
}
