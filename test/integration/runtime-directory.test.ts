// A place for the agent's note that cannot be made or written costs the note alone.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { AgentProcess } from '../support/agent-process.js';

const CONFIG = `log: { format: json }
plugins:
  - { use: docker, enabled: false }
  - { use: podman, enabled: false }
  - { use: raw, with: { include: ['/'] } }
`;

for (const place of ['/proc/nonexistent', '/proc/nonexistent/deeper', '/dev/null/x']) {
  it(`${place} as the runtime directory is warned of once, and the agent goes on`, async () => {
    const agent = await AgentProcess.start(CONFIG, undefined, { TALLYMAN_RUNTIME_DIRECTORY: place });
    const warnings = () => agent.output.split('\n').filter((line) => line.includes('may not find this agent'));
    for (let round = 0; round < 2; round++) {
      assert.equal((await fetch(`${agent.url}/-/reload`, { method: 'POST' })).status, 200);
    }
    assert.equal(warnings().length, 1, agent.output);
    assert.equal(JSON.parse(warnings()[0]!).level, 'warn');
    agent.signal('SIGTERM');
    assert.deepEqual(await agent.ended(), { code: 0, signal: null });
  });
}
