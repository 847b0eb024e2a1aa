// What the agent says of itself is so: ready, and why it ended.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AgentProcess } from '../support/agent-process.js';
import { freePort } from '../support/free-port.js';
import { needs } from '../support/needs.js';
import { RealCgroup } from '../support/real-cgroup.js';

const CONFIG = `log: { format: FORMAT }
plugins:
  - { use: docker, enabled: false }
  - { use: podman, enabled: false }
`;

it('the agent is ready when every container found at start has a sample', { skip: needs('cgroups') }, async () => {
  const group = new RealCgroup(`/tallyman-test-${process.pid}-ready`).create();
  const children = Array.from({ length: 60 }, (_, i) => new RealCgroup(`${group.name}/${i}`).create());
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const agent = AgentProcess.launch(`web: { listen: ['127.0.0.1:${port}'] }\n${CONFIG.replace('FORMAT', 'json')}`, []);
  try {
    const before = new Set<string>();
    for (;;) {
      const answer = await fetch(`${url}/-/ready`).catch(() => undefined);
      if (answer?.status === 200) break;
      if (answer !== undefined) before.add(`${answer.status} ${await answer.text()}`);
    }
    await agent.answering(url);
    const stats = await agent.json<Record<string, unknown[]>>(`/api/v2.0/stats${group.name}?recursive=true&count=1`);
    for (const { name } of [group, ...children]) assert.equal(stats[name]?.length, 1, name);
    for (const answer of before) assert.equal(answer, '503 the containers found at start have no samples yet\n');
  } finally {
    await agent.stop();
    for (const child of [...children, group]) await child.remove();
  }
});

describe('an uncaught error of the agent', () => {
  const BOOM = `process.on('SIGUSR2', () => { throw new Error('boom\\n  in two lines'); })`;
  const env = { NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(BOOM)}` };

  for (const [format, cause] of [
    ['json', /^\{"level":"error",.*"msg":"the agent ends after a fault of its own: boom in two lines"\}$/],
    ['pretty', /^[\d:]{8} error agent: the agent ends after a fault of its own: boom in two lines$/],
    ['journal', /^<3>agent: the agent ends after a fault of its own: boom in two lines$/],
  ] as const) {
    it(`stops it with the cause in one line, in the log format ${format}`, async () => {
      const agent = await AgentProcess.start(CONFIG.replace('FORMAT', format), undefined, env);
      agent.signal('SIGUSR2');
      assert.deepEqual(await agent.ended(), { code: 70, signal: null });
      const [line, ...others] = agent.output.split('\n').filter((text) => text.includes('boom'));
      assert.match(line!, cause);
      assert.deepEqual(others, []);
    });
  }

  it('stops it with the same status when nothing can be logged', async () => {
    const through = ['sh', '-c', 'exec "$@" 2>/dev/full', 'sh'];
    const agent = await AgentProcess.start(CONFIG.replace('FORMAT', 'json'), undefined, env, { through });
    agent.signal('SIGUSR2');
    assert.deepEqual(await agent.ended(), { code: 70, signal: null });
  });
});
