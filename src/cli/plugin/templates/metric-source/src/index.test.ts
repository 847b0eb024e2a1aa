import assert from 'node:assert/strict';
import { it } from 'node:test';
import { absent, attached, SimulatedHost, sampleOf, testContext } from 'tallyman/testing';
import plugin from './index.js';

for (const version of [1, 2] as const) {
  it(`reads the line of memory.stat (cgroup v${version})`, () => {
    const host = new SimulatedHost(version);
    try {
      host.writeCgroup('/shop', 'memory', { 'memory.stat': 'anon 4096\nunevictable 8192\n' });
      const source = plugin.create(testContext({ linux: host.linux }), { machine: true });
      const probe = attached(source, host.target('/shop'));
      assert.deepEqual(sampleOf(probe), { 'template_name.unevictable': 8192 });
      probe.close();
    } finally {
      host.remove();
    }
  });
}

it('leaves the machine out when it is asked to', () => {
  const host = new SimulatedHost();
  try {
    const source = plugin.create(testContext({ linux: host.linux }), { machine: false });
    assert.match(absent(source, host.target('/')).absent, /option `machine`/);
  } finally {
    host.remove();
  }
});
