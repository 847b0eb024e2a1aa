import { Joiner, type Snapshot, type Wanted } from '../../client/top/index.js';
import { AgentSession, routeOf, type Target } from '../agent-client/index.js';
import type { CliEnvironment } from '../environment.js';
import type { AskFlags } from '../flags.js';
import type { Detail } from './detail.js';

const ROUTE = '/api/top';

/** Requests the numbers of one agent repeatedly. */
export class TopFeed {
  private readonly joiner = new Joiner();
  private readonly session: AgentSession;

  constructor(
    private readonly target: Target,
    flags: AskFlags,
    cli: CliEnvironment,
  ) {
    this.session = new AgentSession(target, flags, cli);
  }

  /** @param wanted undefined: every number of every container */
  async snapshot(wanted?: Wanted): Promise<Snapshot> {
    const target = routeOf(this.target, ROUTE);
    target.url.search = this.joiner.query(wanted).toString();
    return this.joiner.join(await this.session.textOf(target));
  }

  async detail(path: string): Promise<Detail> {
    const below = path.split('/').map(encodeURIComponent).join('/');
    return JSON.parse(await this.session.textOf(routeOf(this.target, `${ROUTE}${below}`))) as Detail;
  }
}
