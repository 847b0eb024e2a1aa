// Whoever starts a container chooses its name, image and labels: they are data to pages, metrics and answers, nothing else.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { AgentProcess } from '../support/agent-process.js';
import { parseText } from '../support/exposition.js';
import { FakeEngine, fakeContainer } from '../support/fake-engine.js';
import { needs } from '../support/needs.js';
import { RealCgroup } from '../support/real-cgroup.js';
import { LIMIT_MS } from './limit.js';

const ID = randomBytes(32).toString('hex');
const MARKUP = '<script>alert(1)</script><img src=x onerror=alert(1)>\'"';
const LABELS: Record<string, string> = {
  markup: MARKUP,
  lines: 'a"} 1\ncontainer_forged{x="y"} 1\n# EOF\n',
  backslash: 'ends in \\',
  'evil"} 1\nkey': 'name',
  '<b>key</b>': 'name',
  __proto__x: 'constructor',
  json: '","forged":true,"x":"',
  separators: '\u2028\u2029\u0000\u001b[2J\u202e',
  surrogate: '\ud800',
};

describe('a container with hostile labels', { timeout: LIMIT_MS, skip: needs('cgroups') }, () => {
  const cgroup = new RealCgroup(`/tallyman-test-${process.pid}/${ID}`);
  const parent = new RealCgroup(`/tallyman-test-${process.pid}`);
  const engine = new FakeEngine();
  let agent: AgentProcess;

  before(async () => {
    parent.create(['memory', 'cpu']);
    cgroup.create(['memory', 'cpu']);
    const labels = JSON.parse(JSON.stringify(LABELS)) as object;
    const container = fakeContainer(ID, 'hostile', {
      Image: MARKUP,
      Config: { Image: MARKUP, Labels: labels, Env: [`SECRET=${MARKUP}`] },
    });
    engine.containers.set(ID, container);
    await engine.listen();
    agent = await AgentProcess.start(`
plugins:
  - { use: podman, enabled: false }
  - { use: docker, with: { endpoint: '${engine.endpoint}', timeout: 30s } }
`);
    await agent.until<object>('/api/v2.0/spec/hostile?type=docker', () => true, 'the container');
  });
  after(async () => {
    await agent?.stop();
    await engine.dispose();
    await cgroup.remove();
    await parent.remove();
  });

  const text = async (path: string, headers: Record<string, string> = {}) => {
    const answer = await fetch(`${agent.url}${path}`, { headers });
    assert.equal(answer.status, 200, path);
    return answer.text();
  };

  async function assertHarmless(): Promise<void> {
    const { series } = parseText(await text('/metrics'));
    const own = series.filter(({ labels }) => labels.id === cgroup.name);
    assert.ok(own.length > 0);
    assert.equal(own[0]!.labels.image, MARKUP);
    assert.equal(series.filter(({ name, labels }) => name.includes('forged') || 'forged' in labels).length, 0);
    const openMetrics = await text('/metrics', { accept: 'application/openmetrics-text' });
    assert.deepEqual(openMetrics.match(/^(# EOF|container_forged.*)$/gm), ['# EOF']);
    for (const path of ['/docker/', '/docker/hostile', `/containers${cgroup.name}`, '/containers/']) {
      const page = await text(path);
      assert.doesNotMatch(page, /<script>alert|<img src=x|<b>key/, path);
    }
    const spec = await agent.json<Record<string, { labels: object; image: string }>>(
      '/api/v2.0/spec/hostile?type=docker',
    );
    const { labels, image } = Object.values(spec)[0]!;
    assert.equal(image, MARKUP);
    assert.deepEqual({ ...labels }, { ...LABELS, surrogate: '\ufffd' });
  }

  it('does not break pages, metrics or answers', assertHarmless);

  it('does not break them after its engine is gone', async () => {
    await engine.shut();
    await agent.said('docker', /warn/);
    await assertHarmless();
  });
});
