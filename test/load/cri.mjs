// What naming many containers over CRI costs: `npm run -s build && npx tsc -p test && node test/load/cri.mjs`
//
//   [--pods 250] [--containers 4] [--settle 20]
//
// Real cgroups without processes, a runtime that is made up, and the agent twice: once with plain cgroups only, once with their
// names. Needs root.
import { mkdirSync, mkdtempSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { FakeCri } from '../../.test-build/test/support/fake-cri.js';
import { startAgent, stopAll } from './agents.mjs';
import { hierarchies } from './cgroups.mjs';
import { cpuPerSecond, pause, residentMemory } from './measure.mjs';

const { values } = parseArgs({
  options: {
    pods: { type: 'string', default: '250' },
    containers: { type: 'string', default: '4' },
    settle: { type: 'string', default: '20' },
  },
});
const [podCount, perPod, settle] = ['pods', 'containers', 'settle'].map((name) => Number(values[name]));
const parent = `/tallyman-bench-${process.pid}-kubepods`;
const runtime = new FakeCri('containerd', 'v1', false);
const folders = [];

const hex = (kind, index) => `${kind}${index.toString(16)}`.padStart(64, '0');
const uidOf = (index) => `00000000-0000-0000-0000-${index.toString(16).padStart(12, '0')}`;

function makePods() {
  const labels = Object.fromEntries(
    Array.from({ length: 8 }, (_, i) => [`example.com/label-${i}`, `value of label ${i}`]),
  );
  const names = [''];
  for (let index = 0; index < podCount; index++) {
    const [id, uid] = [hex('a', index), uidOf(index)];
    runtime.pods.set(id, { id, uid, name: `web-${index}`, namespace: 'shop', ip: '10.1.2.3', labels });
    names.push(`/pod${uid}`, `/pod${uid}/${id}`);
    for (let which = 0; which < perPod; which++) {
      const container = hex('b', index * perPod + which);
      runtime.containers.set(container, { id: container, pod: id, name: `app-${which}`, labels });
      names.push(`/pod${uid}/${container}`);
    }
  }
  for (const { path } of hierarchies()) {
    for (const name of names) {
      folders.push(join(path, parent + name));
      mkdirSync(folders.at(-1));
    }
  }
  return names.length - 1;
}

const configuration = (cri) => `
web: { listen: ['127.0.0.1:0'] }
plugins:
  - { use: docker, enabled: false }
  - { use: podman, enabled: false }
  - { use: cri, ${cri ? `with: { endpoint: '${runtime.endpoint}' }` : 'enabled: false'} }
`;

async function untilNamed(url, count, started) {
  for (;;) {
    const specs = await (await fetch(`${url}/api/v2.0/spec${parent}?recursive=true`)).json().catch(() => ({}));
    if (Object.values(specs).filter(({ aliases = [] }) => aliases.length > 1).length === count) break;
    if (performance.now() - started > 60_000) throw new Error('not all have a name after 60 s');
    await pause(20);
  }
  return performance.now() - started;
}

const work = mkdtempSync(join(tmpdir(), 'tallyman-bench-cri-'));
try {
  const count = makePods();
  await runtime.listen();
  const rows = {};
  for (const [name, cri] of [
    ['plain cgroups', false],
    ['named over CRI', true],
  ]) {
    runtime.calls.length = 0;
    const started = performance.now();
    const { url, pid, allFound } = await startAgent(work, configuration(cri), parent, count);
    const named = cri ? await untilNamed(url, count, started) : undefined;
    await pause(settle * 1000);
    const calls = (method) => runtime.calls.filter((call) => call === method).length;
    rows[name] = {
      'start to every sample, s': (allFound / 1000).toFixed(2),
      'start to every name, s': named === undefined ? '' : (named / 1000).toFixed(2),
      'RSS, MiB': residentMemory(pid).toFixed(1),
      'CPU, ms/s': (await cpuPerSecond(pid, 10)).toFixed(1),
      lists: calls('sandboxes') + calls('containers'),
      statuses: calls('sandbox') + calls('container'),
    };
    await stopAll();
  }
  console.log(`${count} cgroups: ${podCount} pods, their sandboxes, ${perPod} containers each`);
  console.table(rows);
} finally {
  await stopAll();
  await runtime.dispose();
  for (const folder of folders.reverse()) rmdirSync(folder);
  rmSync(work, { recursive: true });
}
