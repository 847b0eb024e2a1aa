import {
  type AgentView,
  type Answer,
  type ApiRequest,
  definePlugin,
  findContainer,
  notFound,
  type OperationInfo,
  PLUGIN_API_VERSION,
  RequestError,
  type StoredCapsule,
  z,
} from '../../../kernel/contracts/index.js';
import { jsonAnswer, NO_STORE, timeText } from '../common/index.js';

/** A capsule as JSON, with times for people. */
export function capsuleJson({ agentVersion, createdAt, exitCode, reasons, ...rest }: StoredCapsule) {
  return {
    ...rest,
    exit_code: exitCode,
    created_at: timeText(createdAt),
    reasons: reasons.map(({ kind, time, text }) => ({ kind, time: timeText(time), text })),
    agent_version: agentVersion,
  };
}

function list({ capsules }: AgentView): Answer {
  return jsonAnswer({ ...capsules.state(), capsules: capsules.list().map(capsuleJson) }, NO_STORE);
}

async function file({ capsules }: AgentView, { args }: ApiRequest): Promise<Answer> {
  const id = args.join('/');
  const content = await capsules.read(id);
  if (content === undefined) throw notFound(`no capsule ${JSON.stringify(id)}`);
  return {
    contentType: 'application/gzip',
    headers: { 'Content-Disposition': `attachment; filename="${id}.capsule"` },
    body: (out) => out.bytes(content),
  };
}

async function record(agent: AgentView, { method, args }: ApiRequest): Promise<Answer> {
  if (method !== 'POST') throw new RequestError(405, 'use POST to write a capsule');
  const [first = ''] = args;
  // `system.slice/web.service` is an absolute name, `web` any other.
  const name = args.length > 1 || agent.container(`/${first}`) !== undefined ? `/${args.join('/')}` : first;
  const written = await agent.capsules.record(findContainer(agent, name).name);
  return jsonAnswer(capsuleJson(written), { ...NO_STORE, status: 201 });
}

async function operations(): Promise<Record<string, OperationInfo>> {
  const schema = await import('./schema.js');
  return {
    '/api/capsules': { summary: 'The capsules that are kept.', response: schema.listing, errors: {} },
    '/api/capsules/': {
      summary: 'The file of a capsule.',
      rest: { name: 'id', description: 'Id of the capsule.', required: true },
      response: z.string(),
      contentType: 'application/gzip',
      errors: { 404: 'There is no such capsule.' },
    },
    '/api/record/': {
      summary: 'Writes a capsule of a container now.',
      rest: { name: 'container', description: 'Absolute name, alias, id or unit; nothing for the machine.' },
      method: 'POST',
      status: 201,
      response: schema.capsule,
      errors: {
        404: 'There is no such container.',
        429: 'Too many capsules were written in the last minute.',
        501: 'This agent keeps no capsules.',
      },
    },
  };
}

export default definePlugin({
  kind: 'endpoint',
  name: 'capsules',
  apiVersion: PLUGIN_API_VERSION,
  description:
    'What was known of containers when they ended badly: lists capsules, hands them out, writes one when asked.',
  create: ({ agent }) => ({
    routes: {
      '/api/capsules': () => list(agent),
      '/api/capsules/': (request) => file(agent, request),
      '/api/record/': (request) => record(agent, request),
    },
    operations,
  }),
});
