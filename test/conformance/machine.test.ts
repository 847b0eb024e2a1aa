import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import type { MachineInfo } from '../../src/kernel/contracts/index.js';
import { readMachine } from '../../src/kernel/machine/index.js';
import { projectRoot } from '../project.js';
import { HostTree, type TreeFiles } from '../support/tree.js';
import { machineFromJson } from './world/recorded-agent.js';
import type { JsonObject } from './world/recorded-samples.js';

/** What v0.36 reported differently, or not at all, for the same files. */
const NEWER = {
  vendor_id: 'AuthenticAMD',
  num_physical_cores: 2,
  num_sockets: 1,
  num_books: 0,
  num_drawers: 0,
  memory_by_type: {},
  instance_id: '',
};

interface MachineInputs {
  readonly files: TreeFiles;
  readonly expected: MachineInfo;
}

it('the machine object of the recorded files equals the recording', async () => {
  const { files, expected } = JSON.parse(
    readFileSync(join(projectRoot, 'test/golden/inputs-machine.json'), 'utf8'),
  ) as MachineInputs;
  const tree = new HostTree(files);
  // Cores are sorted by NUMA node, not by package as in the recording, whose files do not say which node a CPU is in.
  tree.add({ '/sys/devices/system/node/node0/cpulist': '0-1\n' });
  try {
    const machine = await readMachine(tree.paths, expected.filesystems);
    assert.deepEqual(machine, { ...machine, ...machineFromJson(expected as unknown as JsonObject), ...NEWER });
    assert.deepEqual(Object.keys(machine.disk_map), Object.keys(expected.disk_map));
  } finally {
    tree.remove();
  }
});

it('without NUMA directories each package is a node', async () => {
  const { files, expected } = JSON.parse(
    readFileSync(join(projectRoot, 'test/golden/inputs-machine.json'), 'utf8'),
  ) as MachineInputs;
  const tree = new HostTree(Object.fromEntries(Object.entries(files).filter(([path]) => !path.includes('/node/'))));
  try {
    const [node, ...others] = (await readMachine(tree.paths, [])).topology;
    assert.deepEqual(others, []);
    const { topology } = machineFromJson(expected as unknown as JsonObject);
    assert.deepEqual(node, { ...topology![0], memory: expected.memory_capacity });
  } finally {
    tree.remove();
  }
});

it('an empty tree gives a machine with zeros and no error', async () => {
  const tree = new HostTree();
  try {
    const machine = await readMachine(tree.paths, []);
    assert.deepEqual([machine.num_cores, machine.memory_capacity, machine.machine_id], [0, 0, '']);
    assert.deepEqual([machine.topology, machine.disk_map, machine.network_devices], [[], {}, []]);
    const named = await readMachine({ ...tree.paths, root: join(tree.root, 'none') }, [], { machineIdFiles: ['/x'] });
    assert.equal(named.machine_id, '');
  } finally {
    tree.remove();
  }
});
