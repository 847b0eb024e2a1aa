import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import { projectRoot } from '../project.js';
import { AgentProcess } from '../support/agent-process.js';

const HEAP = { NODE_OPTIONS: '--max-old-space-size=64', SECRET_OF_THE_TEST: 'not-for-reports' };

/** A plugin with a leak. `mode` is the code of its leak. */
const plugin = (mode: string) => `
import { definePlugin } from ${JSON.stringify(pathToFileURL(join(projectRoot, 'dist/bundle/plugin.js')).href)};
const held = [];
function leak(megabytes) {
  for (let i = 0; i < megabytes * 13; i++) held.push(new Array(10_000).fill(Math.random()));
}
export default definePlugin({
  kind: 'endpoint', name: 'leaky', apiVersion: 1,
  create(ctx) { ${mode} return { routes: {} }; },
});
`;

describe('an agent whose memory is used up', () => {
  let directory: string;
  let env: Record<string, string>;
  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'tallyman-test-'));
    env = { ...HEAP, TALLYMAN_STATE_DIRECTORY: directory };
  });
  after(() => rmSync(directory, { recursive: true }));

  const launch = (mode: string) => {
    const path = join(directory, 'leaky.mjs');
    writeFileSync(path, plugin(mode), { mode: 0o600 });
    const config = `plugins:\n  - { use: docker, enabled: false }\n  - { use: podman, enabled: false }\n  - { use: raw, with: { include: [/] } }\n  - { use: ${path}, id: leaky }\n`;
    return AgentProcess.launch(config, ['--port', '0'], env);
  };
  const reports = () => {
    const folder = join(directory, 'memory-reports');
    return readdirSync(folder)
      .filter((name) => name.startsWith('memory-'))
      .sort()
      .map((name) => join(folder, name));
  };

  it('ends with status 75 and a report that names the plugin that allocated most', async () => {
    const agent = launch('setInterval(() => { if (process.memoryUsage().heapUsed < 58 * 2 ** 20) leak(1); }, 150);');
    const { code } = await agent.ended();
    assert.equal(code, 75, agent.output);
    const [path] = reports();
    assert.match(agent.output, new RegExp(`ends before memory is used up: .* the report is ${path}`));
    assert.equal(statSync(path!).mode & 0o777, 0o600);
    const text = readFileSync(path!, 'utf8');
    const report = JSON.parse(text);
    assert.equal(report.allocations[0].plugin, 'leaky');
    assert.equal(report.allocations[0].function, 'leak');
    assert.ok(report.allocations[0].bytes > 2 ** 20);
    assert.ok(report.held.plugins.some(({ id }: { id: string }) => id === 'leaky'));
    assert.ok(!text.includes(HEAP.SECRET_OF_THE_TEST));
  });

  it('leaves a report when V8 ends it in a loop that allocates, and names it when it is started again', async () => {
    const crashed = launch('setTimeout(function endless() { for (;;) leak(1); }, 500);');
    await crashed.ended();
    assert.match(crashed.output, /heap out of memory/);
    const restarted = launch('');
    await restarted.said('for lack of memory');
    await restarted.stop();
    const [first, second] = reports();
    assert.ok(first !== undefined && second !== undefined);
    assert.match(restarted.output, /for lack of memory: V8 could not allocate memory/);
    assert.ok(restarted.output.includes(`less ${second}`), restarted.output);
    const text = readFileSync(second, 'utf8');
    assert.equal(JSON.parse(text).heap.heapSpaces.old_space.memorySize > 30 * 2 ** 20, true);
    assert.ok(!text.includes(HEAP.SECRET_OF_THE_TEST));
  });
});
