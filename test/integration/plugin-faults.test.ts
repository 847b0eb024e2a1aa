import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
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
    test(`${what}: the agent stays up and the log names the plugin`, async () => {
      const agent = await AgentProcess.start(`plugins:\n  - { use: ${plugin(name, code)}, id: culprit-${name} }\n`);
      try {
        await fetch(`${agent.url}/${name}`);
        const deadline = Date.now() + 10_000;
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
