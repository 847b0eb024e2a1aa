import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { projectRoot } from '../project.js';
import { AgentProcess } from '../support/agent-process.js';
import { RealCgroup } from '../support/real-cgroup.js';

const EXAMPLE = join(projectRoot, 'plugins-examples/memory-stat-extras/index.js');

describe('the example memory-stat-extras', () => {
  const cgroup = new RealCgroup(`/tallyman-example-${process.pid}`);
  const shared = `/dev/shm/tallyman-example-${process.pid}`;
  let agent: AgentProcess;

  before(async () => {
    cgroup.create();
    agent = await AgentProcess.start(`
housekeeping: { interval: 200ms, maxInterval: 200ms }
plugins:
  - { use: docker, enabled: false }
  - { use: podman, enabled: false }
  - { use: raw, with: { include: ['/tallyman-example-*'] } }
  - { use: '${EXAMPLE}', onError: fail, with: { lines: [shmem, unevictable] } }
`);
  });

  after(async () => {
    await agent?.stop();
    rmSync(shared, { force: true });
    await cgroup.remove();
  });

  test('shows shared memory as the kernel counts it', async () => {
    const script = await cgroup.run(`head -c 300000 /dev/zero > ${shared} && echo done; read x`);
    await script.said('done');
    const shown = async () => {
      const text = await (await fetch(`${agent.url}/metrics`)).text();
      const line = text
        .split('\n')
        .find((each) => /^container_memory_extras_shmem/.test(each) && each.includes(cgroup.name));
      return line === undefined ? undefined : Number(/\} (\S+)/.exec(line)![1]);
    };
    const counted = () => Number(/^shmem (\d+)/m.exec(cgroup.read('memory', 'memory.stat'))![1]);
    const deadline = Date.now() + 20_000;
    while ((await shown()) !== counted() && Date.now() < deadline)
      await new Promise((resolve) => setTimeout(resolve, 50));
    assert.ok(counted() >= 300_000);
    assert.equal(await shown(), counted());
  });

  test('says what is wrong with its options, and where', async () => {
    await assert.rejects(
      AgentProcess.start(`plugins:\n  - { use: '${EXAMPLE}', with: { lines: [nonsense] } }\n`),
      /tallyman\.yaml:2:\d+: plugins\[0\]\.with\.lines\[0\]/,
    );
  });
});
