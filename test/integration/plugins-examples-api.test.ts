// The example api-v3-demo beside the built-in versions, on a running agent.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { AgentProcess } from '../support/agent-process.js';
import { BUSY_SCRIPT } from '../support/busy-cgroup.js';
import { exampleConfig } from '../support/example-agent.js';
import { needs } from '../support/needs.js';
import { CGROUP_VERSION, RealCgroup } from '../support/real-cgroup.js';

const NAME = `/tallyman-test-${process.pid}-v3`;
const [BUSY, IDLE] = [`${NAME}-busy`, `${NAME}-idle`];
const LIMIT = 64 * 1024 * 1024;
const configWith = (...others: object[]) =>
  exampleConfig('api-v3-demo', [`${NAME}-*`], { housekeeping: { interval: '200ms', dynamic: false }, others });

interface Row {
  name: string;
  cores: number | null;
  memory: number | null;
  memory_limit: number | null;
}
interface Overview {
  total: number;
  containers: Row[];
}

describe('the example api-v3-demo', { skip: needs('cgroups') }, () => {
  const busy = new RealCgroup(BUSY).create();
  const idle = new RealCgroup(IDLE).create();
  let agent: AgentProcess;

  before(async () => {
    agent = await AgentProcess.start(configWith());
  });

  after(async () => {
    await agent?.stop();
    await idle.remove();
    await busy.remove();
  });

  const get = async (path: string) => {
    const answer = await fetch(`${agent.url}${path}`);
    return { status: answer.status, text: await answer.text() };
  };

  it('stands beside the others', async () => {
    assert.match((await get('/api/')).text, /: v1\.0,v1\.1,v1\.2,v1\.3,v2\.0,v2\.1,v3\.0-demo\n$/);
  });

  it('answers as v2.1 does, but for what it has itself', async () => {
    const same = ['/machine', '/attributes', '/spec/', `/spec${BUSY}?recursive=true`, '/appmetrics/none', '/x'];
    for (const path of [...same, '/stats/none?count=x', '/spec/none?type=bogus', '/ps/none']) {
      const [mine, older] = [await get(`/api/v3.0-demo${path}`), await get(`/api/v2.1${path}`)];
      assert.deepEqual(mine, older, path);
    }
    assert.equal((await get('/api/v2.1/overview')).status, 400);
    const version = await agent.json<{ api: string; agent: string }>('/api/v3.0-demo/version');
    assert.equal(version.api, 'v3.0-demo');
    assert.equal((await get('/api/v2.1/version')).text, `"v${version.agent}"`);
  });

  it('says what containers use, the largest user first', async () => {
    await busy.run(BUSY_SCRIPT);
    const path = '/api/v3.0-demo/overview';
    const rowOf = ({ containers }: Overview, name: string) => containers.find((row) => row.name === name);
    const all = await agent.until<Overview>(path, (now) => (rowOf(now, BUSY)?.cores ?? 0) > 0.05, 'CPU usage');
    assert.equal(all.total, 3);
    const cores = all.containers.map((row) => row.cores ?? -1);
    assert.deepEqual(
      cores,
      [...cores].sort((a, b) => b - a),
    );
    assert.ok(rowOf(all, BUSY)!.cores! < 2, 'one process');
    assert.equal(rowOf(all, IDLE)!.memory_limit, null);
    idle.write('memory', CGROUP_VERSION === 1 ? 'memory.limit_in_bytes' : 'memory.max', String(LIMIT));
    await agent.until<Overview>(path, (now) => rowOf(now, IDLE)?.memory_limit === LIMIT, 'the limit');
    const { total, containers } = await agent.json<Overview>(`${path}?sort=memory&limit=1`);
    assert.deepEqual([total, containers.map(({ name }) => name)], [3, ['/']]);
    assert.deepEqual((await agent.json<Overview>(`${path}${BUSY}`)).total, 1);
  });

  it('is in the description of the API, with what it takes over', async () => {
    const { paths } = await agent.json<{ paths: Record<string, { get: { summary: string } }> }>('/api/openapi.json');
    const own = Object.keys(paths).filter((path) => path.startsWith('/api/v3.0-demo/'));
    assert.ok(own.some((path) => path.includes('/overview')) && own.some((path) => path.includes('/machinestats')));
    assert.match(paths['/api/v3.0-demo/version']!.get.summary, /and of this API/);
  });

  it('goes on alone without v2.1, comes back with it, and says so', async () => {
    agent.configure(configWith({ use: 'api-v2.1', enabled: false }));
    agent.signal('SIGHUP');
    await agent.until<object>(
      '/api/v3.0-demo/version',
      () => /no plugin serves API version v2\.1/.test(agent.output),
      '',
    );
    assert.equal((await get(`/api/v3.0-demo/overview${BUSY}`)).status, 200);
    assert.match((await get('/api/v3.0-demo/machine')).text, /unknown request type/);
    agent.configure(configWith());
    agent.signal('SIGHUP');
    await agent.until<object>('/api/v3.0-demo/machine', () => true, 'the machine');
  });
});
