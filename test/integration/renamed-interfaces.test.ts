import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import type { Layout, ProbeTarget, SampleCursor } from '../../src/kernel/contracts/index.js';
import { SAMPLING } from '../../src/kernel/housekeeping/index.js';
import networkPlugin from '../../src/plugins/metric-sources/network/index.js';
import { containerNamed, DESCRIPTION } from '../support/containers.js';
import { columns, FakeProbe, housekeepingBench } from '../support/housekeeping-bench.js';
import { needs } from '../support/needs.js';
import { CLOCK, sourceOf } from '../support/probes.js';
import { RealCgroup, type Script } from '../support/real-cgroup.js';
import { TestHost } from '../support/test-host.js';

const INTERFACES = 16;
const SAMPLES = 400;
const MOST_SAMPLES = 5_000;
/** A number that no interface of the container has. */
const FOREIGN = 777_777;
const skip = needs('root', 'cgroups', 'mounts', 'ip');

/** Renames all interfaces of its network namespace for ever. */
const RENAMER = `
  const { spawn, spawnSync } = require("node:child_process");
  const numbers = Array.from({ length: ${INTERFACES} }, (_, i) => i);
  const all = (command) => numbers.map(command).join("\\n") + "\\n";
  const made = spawnSync("ip", ["-batch", "-"], { input: all((i) => "link add a" + i + " type bridge") });
  if (made.status !== 0) throw new Error(String(made.stderr));
  const there = all((i) => "link set dev a" + i + " name b" + i);
  const back = all((i) => "link set dev b" + i + " name a" + i);
  const { stdin } = spawn("ip", ["-batch", "-"], { stdio: ["pipe", "ignore", "inherit"] });
  const rename = () => { while (stdin.write(there + back)); };
  stdin.on("drain", rename);
  rename();
  console.log("renaming");
`;

describe('a container that keeps renaming its interfaces', { skip }, () => {
  const cgroup = new RealCgroup(`/tallyman-test-${process.pid}-renamed`);
  let renamer: Script;

  before(async () => {
    cgroup.create();
    renamer = await cgroup.run(`exec unshare -n ${process.execPath} -e '${RENAMER}'`);
    await renamer.said('renaming');
  });
  after(() => cgroup.remove());

  it('has only its own numbers in each sample, under names that existed at the same time', async () => {
    const steady = new FakeProbe();
    const { housekeeper, record, sources, time } = housekeepingBench({ steady, network: 'absent' }, { idleRefresh: 0 });
    const network = sourceOf(networkPlugin, { linux: new TestHost('/'), clock: CLOCK });
    const wide = new FakeProbe();
    wide.columns = columns(...Array.from({ length: 300 }, (_, i) => `foreign ${i}`));
    wide.value = FOREIGN;
    Object.assign(sources[1]!.instance, {
      attach: (target: ProbeTarget) => (target.name === cgroup.name ? network.attach(target) : wide),
    });
    const description = { ...DESCRIPTION, networkMode: 'own', pid: renamer.pid } as const;
    const container = containerNamed(cgroup.name, { description });
    housekeeper.added(container);
    let taken = 0;
    const layouts = new Set<Layout>();
    // On a busy host the interfaces may be renamed late.
    while (taken < SAMPLES || (layouts.size <= 10 && taken < MOST_SAMPLES)) {
      time.now += 10_000;
      time.monotonic += 10;
      await housekeeper.refresh([record, container], 0);
      layouts.add(container.get(SAMPLING)!.layout);
      if (++taken > SAMPLES) await setTimeout(2);
    }
    const { ring } = container.get(SAMPLING)!;
    const window = ring.window();
    assert.equal(window.length, taken, 'no sample is lost');
    const cursor = {} as SampleCursor;
    for (let i = 0; i < window.length; i++) {
      const { layout, values, base } = window.at(i, cursor);
      layouts.add(layout);
      assert.equal(values[base], 1, 'the source beside it');
      for (let column = 1; column < layout.columns.length; column++) {
        const { field, labels } = layout.columns[column]!;
        assert.equal(values[base + column], 0, `${field.name} of ${labels?.[0]}, which never sent anything`);
      }
    }
    assert.ok(layouts.size > 10, `only ${layouts.size} layouts: nothing was renamed`);
    housekeeper.stop();
  });
});
