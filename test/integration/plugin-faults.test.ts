import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { AgentProcess } from '../support/agent-process.js';

const directory = mkdtempSync(join(tmpdir(), 'tallyman-faults-'));
after(() => rmSync(directory, { recursive: true }));

/** A plugin module of a stranger: an endpoint at /<name> that does something when it is asked. */
function plugin(name: string, whenAsked: string): string {
  const file = join(directory, `${name}.mjs`);
  writeFileSync(
    file,
    `const configSchema = { safeParse: (data) => ({ success: true, data }) };
     const routes = { '/${name}': async () => { ${whenAsked}; return { body: (out) => out.ascii('"fine"') }; } };
     export default { $tallyman: 'plugin', kind: 'endpoint', name: '${name}', apiVersion: 1, description: 'for a test',
       configSchema, create: () => ({ routes }) };`,
    { mode: 0o644 },
  );
  return file;
}

const FAULTS = {
  'a throwing callback': ['timer', `setTimeout(() => { throw new Error('boom in a timer'); }, 1)`, 'boom in a timer'],
  'a rejected promise': ['reject', `Promise.reject(new Error('boom in a promise'))`, 'boom in a promise'],
  'a throwing event listener': [
    'emitter',
    `new (await import('node:events')).EventEmitter().emit('error', new Error('boom in an emitter'))`,
    'boom in an emitter',
  ],
  'an error without words': ['nothing', 'setImmediate(() => { throw undefined; })', 'undefined'],
} as const;

describe('a fault that escapes a plugin', () => {
  for (const [what, [name, code, message]] of Object.entries(FAULTS)) {
    it(`${what} is logged with the plugin and does not stop the agent`, async () => {
      const agent = await AgentProcess.start(`plugins:\n  - { use: ${plugin(name, code)}, id: culprit-${name} }\n`);
      try {
        await fetch(`${agent.url}/${name}`);
        const deadline = Date.now() + 60_000;
        while (!agent.output.includes(message) && Date.now() < deadline) await new Promise(setImmediate);
        const line = agent.output.split('\n').find((text) => text.includes(message));
        assert.ok(line?.includes(`culprit-${name}`), agent.output);
        assert.equal((await fetch(`${agent.url}/healthz`)).status, 200);
      } finally {
        await agent.stop();
      }
    });
  }
});

interface Status {
  readonly id: string;
  readonly blocked?: { readonly count: number; readonly longest_ms: number; readonly last_in: string };
}

describe('a plugin that blocks the agent', () => {
  // By CPU time: what the host takes is not put down to the plugin.
  const BUSY =
    'for (const from = process.cpuUsage(); ; ) { const { user, system } = process.cpuUsage(from); if (user + system > 900_000) break; }';

  /** A metric source whose first sample takes long. */
  function slowSource(): string {
    const file = join(directory, 'slow-source.mjs');
    writeFileSync(
      file,
      `const configSchema = { safeParse: (data) => ({ success: true, data }) };
       const field = { name: 'slow.number', kind: 'gauge', unit: 'count', help: 'x', source: { any: 'x' } };
       let slow = true;
       const sample = (row) => { if (slow) { ${BUSY} } slow = false; row.set(0, 1); return 'ok'; };
       const attach = ({ name }) => name === '/' ? { columns: [{ field, labels: [] }], sample, close() {} } : { absent: 'x' };
       export default { $tallyman: 'plugin', kind: 'metric-source', name: 'slow-source', apiVersion: 1,
         description: 'for a test', configSchema, create: () => ({ fields: [field], part: 'other', attach }) };`,
      { mode: 0o644 },
    );
    return file;
  }

  it('of any kind is reported in the log, /api/plugins and the metrics', async () => {
    const agent = await AgentProcess.start(`
log: { format: json }
plugins:
  - { use: docker, enabled: false }
  - { use: podman, enabled: false }
  - { use: ${plugin('slow', BUSY)}, id: slow-endpoint }
  - { use: ${slowSource()}, id: slow-source }
`);
    try {
      await fetch(`${agent.url}/slow`);
      const blocked = async (id: string) =>
        (await agent.json<Status[]>('/api/plugins')).find((status) => status.id === id)?.blocked;
      for (const [id, what] of [
        ['slow-endpoint', /slow/],
        ['slow-source', /^sample$/],
      ] as const) {
        const found = (await blocked(id))!;
        assert.equal(found.count, 1, id);
        assert.ok(found.longest_ms >= 500);
        assert.match(found.last_in, what);
        assert.equal((await agent.said(`plugin ${id} blocked the agent for`)).length, 1);
      }
      assert.equal(await blocked('cpu'), undefined);
      const metrics = await (await fetch(`${agent.url}/metrics`)).text();
      assert.match(
        metrics,
        /^tallyman_plugin_blocked_seconds_total\{plugin="slow-source",kind="metric-source"\} \d\.\d/m,
      );
    } finally {
      await agent.stop();
    }
  });

  for (const [format, form] of [
    [
      'json',
      /^\{"level":"error","time":"\d{4}-[\dT:.-]+Z","part":"plugins","plugin":"endless",.*"msg":"plugin endless has blocked/,
    ],
    ['pretty', /^\d\d:\d\d:\d\d error plugins: plugin endless has blocked/],
    ['journal', /^<3>plugins: plugin endless has blocked/],
  ] as const) {
    it(`for ever is reported while it blocks, in the log format ${format}`, async () => {
      const agent = await AgentProcess.start(`
log: { format: ${format} }
plugins:
  - { use: docker, enabled: false }
  - { use: podman, enabled: false }
  - { use: ${plugin(`endless-${format}`, 'for (;;) {}')}, id: endless }
`);
      void fetch(`${agent.url}/endless-${format}`).catch(() => {});
      try {
        const [line, ...others] = await agent.said('has blocked the agent for 5 s and still does');
        assert.match(line!, form);
        assert.deepEqual(others, []);
      } finally {
        agent.signal('SIGKILL');
        await agent.ended();
      }
    });
  }
});
