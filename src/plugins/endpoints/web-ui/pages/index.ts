import {
  type Answer,
  type ApiRequest,
  type ContainerView,
  isRequestError,
  type PluginContext,
  RequestError,
} from '../../../../kernel/contracts/index.js';
import { Assets } from './assets.js';
import { containerPage } from './container-page.js';
import { PAGE_HEADERS } from './frame.js';
import type { Pieces } from './html.js';
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
    const { agent } = this.context;
    const container = agent.container(request.containerName);
    if (container === undefined)
      throw unavailable(request, `unknown container ${JSON.stringify(request.containerName)}`);
    return this.ofContainer(request, container);
  }

  /** `/docker/…`: the list, or the page of one container. @throws RequestError 404 */
  async namespace(namespace: string, request: ApiRequest): Promise<Answer> {
    const { agent } = this.context;
    if (request.args.length > 0) return this.ofContainer(request, this.lookup(namespace, request));
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

  private lookup(namespace: string, request: ApiRequest): ContainerView {
    try {
      return this.context.agent.lookup(namespace, request.args.join('/'));
    } catch (error) {
      if (!isRequestError(error)) throw error;
      throw unavailable(request, error.message, error.status);
    }
  }

  private pageRequest({ basePath, query }: ApiRequest): PageRequest {
    const { agent, clock } = this.context;
    return { agent, links: new Links(basePath), query, namespaces: this.namespaces, now: clock.now() };
  }
}

function unavailable({ containerName }: ApiRequest, reason: string, status = 404): RequestError {
  return new RequestError(status, `failed to get container ${JSON.stringify(containerName)} with error: ${reason}`);
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
