// The running agent over HTTP: what only a live one can show.
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import { projectRoot } from '../project.js';
import { AgentProcess } from '../support/agent-process.js';
import { needs } from '../support/needs.js';
import { overSocket } from '../support/over-socket.js';
import { RealCgroup } from '../support/real-cgroup.js';

describe('an API version of a third party', () => {
  const directory = mkdtempSync(join(tmpdir(), 'tallyman-test-'));
  after(() => rmSync(directory, { recursive: true, force: true }));

  it('is served beside the built-in versions', async () => {
    const [, program = ''] =
      /## A version of your own\n.*?```js\n(.*?)```/s.exec(readFileSync('docs/api.md', 'utf8')) ?? [];
    const contract = pathToFileURL(join(projectRoot, '.test-build/src/kernel/contracts/index.js')).href;
    const file = join(directory, 'v3.mjs');
    writeFileSync(file, program.replace("'tallyman/plugin'", `'${contract}'`), { mode: 0o644 });
    const agent = await AgentProcess.start(`plugins: [{ use: '${file}' }]`);
    try {
      assert.match(await (await fetch(`${agent.url}/api/`)).text(), /,v2\.1,v3\.0\n$/);
      assert.equal(await (await fetch(`${agent.url}/api/v3.0/`)).text(), 'Supported request types: "limits"\n');
      assert.equal((await agent.json<{ hasMemory: boolean }>('/api/v3.0/limits')).hasMemory, true);
      assert.equal((await fetch(`${agent.url}/api/v3.0/limits/nope`)).status, 404);
    } finally {
      await agent.stop();
    }
  });
});

describe('endpoints beside the API versions', { skip: needs('cgroups') }, () => {
  const group = new RealCgroup(`/tallyman-test-${process.pid}-api`);
  const directory = mkdtempSync(join(tmpdir(), 'tallyman-test-'));
  const socket = join(directory, 'http.sock');
  let agent: AgentProcess;
  before(async () => {
    group.create();
    agent = await AgentProcess.start('plugins: [{ use: profiling }]', ['--listen', `127.0.0.1:0,unix:${socket}`]);
  });
  after(async () => {
    await agent?.stop();
    await group.remove();
    rmSync(directory, { recursive: true });
  });

  it('/validate lists the watched directories', async () => {
    const text = await (await fetch(`${agent.url}/validate/`)).text();
    const [, watches = ''] = /\nInotify watches: \n(.*?)\n\nManaged containers: /s.exec(text) ?? [];
    const [, ours = ''] = new RegExp(`^\t${group.name}\n((?:\t\t.*\n?)+)`, 'm').exec(watches) ?? [];
    const directories = ours.trim().split(/\s+/);
    assert.ok(directories.every((directory) => directory.endsWith(group.name) && readdirSync(directory).length > 0));
    assert.ok(directories.length > 0);
    assert.match(text, new RegExp(`^\t${group.name}$`, 'm'));
    assert.equal((await fetch(`${agent.url}/validate`, { redirect: 'manual' })).status, 301);
    assert.equal(
      await (await fetch(`${agent.url}/validate/anything`)).text().then((body) => body.slice(0, 9)),
      'cAdvisor ',
    );
  });

  it('an unreachable engine has a reason', async () => {
    const engines = await agent.json<Record<string, string>[]>('/api/engines');
    for (const { runtime, endpoint, reason, version } of engines) {
      assert.match(runtime!, /^(docker|podman|cri|containerd)$/);
      assert.match(endpoint!, /^unix:/);
      assert.ok((reason === undefined) !== (version === undefined));
    }
  });

  it('profiles are served over the unix socket, and not on loopback without authentication', async () => {
    const path = '/debug/profile/cpu?seconds=0.1';
    const [status, body] = await overSocket(socket, path);
    assert.equal(status, 200, body);
    assert.ok((JSON.parse(body) as { nodes: unknown[] }).nodes.length > 0);
    const refused = await fetch(agent.url + path);
    assert.equal(refused.status, 403);
    assert.match(await refused.text(), /set web\.auth and authenticate, or connect over a unix socket/);
  });
});
