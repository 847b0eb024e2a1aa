// The example systemd-units on real cgroups, with unit files of its own and those that Debian's packages brought.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import type { Plugin } from '../../src/kernel/contracts/index.js';
import { FakeClock, type HandlerBench, SimulatedHost, type TestContext, testContext } from '../../src/testing/index.js';
import type { AgentProcess } from '../support/agent-process.js';
import { exampleFolder, startExample } from '../support/example-agent.js';
import { startHandler } from '../support/handler-bench.js';
import { needs } from '../support/needs.js';
import { RealCgroup } from '../support/real-cgroup.js';

const SLICE = `/tallyman_test_${process.pid}.slice`;
interface Spec {
  aliases?: string[];
  namespace?: string;
  labels?: Record<string, string>;
}

describe('the example systemd-units', { skip: needs('cgroups', 'nginx') }, () => {
  const directory = mkdtempSync(join(tmpdir(), 'tallyman-test-units-'));
  const slice = new RealCgroup(SLICE).create();
  const units = ['nginx.service', 'shop@eu.service', 'shop@eu.service/worker', 'odd.scope'].map((unit) =>
    new RealCgroup(`${SLICE}/${unit}`).create(),
  );
  let agent: AgentProcess;

  before(async () => {
    writeFileSync(join(directory, 'shop@.service'), '[Unit]\nDescription=A shop\n');
    agent = await startExample('systemd-units', ['/tallyman_test_*.slice/**'], {
      housekeeping: { interval: '200ms', maxInterval: '200ms' },
      options: {
        names: [{ unit: 'shop@*.service', name: 'shop' }],
        directories: [directory, '/usr/lib/systemd/system', '/lib/systemd/system'],
      },
    });
  });

  after(async () => {
    await agent?.stop();
    for (const unit of units.reverse()) await unit.remove();
    await slice.remove();
    rmSync(directory, { recursive: true, force: true });
  });

  const specOf = async (alias: string) => {
    const answer = await agent.until<Record<string, Spec>>(
      `/api/v2.1/spec/${alias}?type=units`,
      (found) => Object.keys(found).length === 1,
      alias,
    );
    return Object.entries(answer)[0]!;
  };

  it('names units, though raw stands in front of it in the list', async () => {
    const [name, spec] = await specOf('shop');
    assert.equal(name, `${SLICE}/shop@eu.service`);
    assert.deepEqual(spec.aliases, ['shop', 'shop@eu.service']);
    assert.equal(spec.namespace, 'units');
    assert.deepEqual(spec.labels, { description: 'A shop' });
  });

  it('says of nginx what its package says', async () => {
    const [name, spec] = await specOf('nginx.service');
    assert.equal(name, `${SLICE}/nginx.service`);
    assert.match(spec.labels!.description!, /web server/);
  });

  it('shows them by name in /metrics and in every answer for their namespace', async () => {
    const all = await agent.json<Record<string, unknown>>('/api/v2.1/stats?type=units&recursive=true&count=1');
    assert.ok(Object.keys(all).every((name) => name.endsWith('.service')));
    const text = await (await fetch(`${agent.url}/metrics`)).text();
    const line = text.split('\n').find((each) => each.startsWith(`container_last_seen{id="${SLICE}/shop@eu.service"`));
    assert.match(line!, /name="shop".*container_label_description="A shop"/);
  });

  it('leaves cgroups below a unit, and units that are not configured, to raw', async () => {
    for (const path of ['shop@eu.service/worker', 'odd.scope']) {
      const name = `${SLICE}/${path}`;
      const spec = await agent.json<Record<string, Spec>>(`/api/v2.1/spec${name}`);
      assert.equal(spec[name]!.namespace, undefined, path);
    }
  });

  it('names a unit that comes later', async () => {
    writeFileSync(join(directory, 'late.service'), '[Unit]\nDescription=Late\n');
    const late = new RealCgroup(`${SLICE}/late.service`).create();
    try {
      assert.equal((await specOf('late.service'))[1].labels!.description, 'Late');
    } finally {
      await late.remove();
    }
  });
});

describe('what the example systemd-units knows', () => {
  const host = new SimulatedHost();
  const clock = new FakeClock();
  let context: TestContext;
  let bench: HandlerBench;

  before(async () => {
    const file = join(exampleFolder('systemd-units'), 'index.js');
    const { default: plugin } = (await import(pathToFileURL(file).href)) as { default: Plugin<'container-handler'> };
    context = testContext({ clock, linux: host.linux });
    bench = await startHandler(plugin, context);
  });
  after(() => {
    context.dispose();
    host.remove();
  });

  const said = (path: string) => bench.description(path)?.labels.description;
  const describeAs = (text: string) =>
    host.write({ '/etc/systemd/system/web.service': `[Unit]\nDescription=${text}\n` });

  it('comes with a finding while there are no unit files at all', async () => {
    const [finding] = await bench.handler.findings!();
    assert.match(finding!.what, /none of these directories exists: .*etc\/systemd\/system/);
    describeAs('Early');
    assert.deepEqual(await bench.handler.findings!(), []);
  });

  it('is renewed when a unit is asked about again, not more often than every ten seconds', async () => {
    await bench.settled('/web.service');
    assert.equal(said('/web.service'), 'Early');
    describeAs('Edited');
    await clock.advance(9_999);
    bench.watch('/web.service');
    await bench.settled('/other.service');
    assert.equal(said('/web.service'), 'Early');
    await clock.advance(1);
    bench.watch('/web.service');
    await bench.accepted('/web.service', ({ labels }) => labels.description === 'Edited');
  });

  it('does not grow with units that come and go', async () => {
    const paths = Array.from({ length: 1_000 }, (_, i) => `/run-${i}.service`);
    await Promise.all(paths.map((path) => bench.settled(path)));
    assert.equal(bench.watch('/web.service').verdict, 'pending');
    assert.equal(bench.watch(paths.at(-1)!).verdict, 'accept');
    await bench.settled('/web.service');
  });
});
