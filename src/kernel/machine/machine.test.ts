import assert from 'node:assert/strict';
import { join } from 'node:path';
import { it } from 'node:test';
import fc from 'fast-check';
import { HostTree } from '../../../test/support/tree.js';
import { memoryLine, parseCpuinfo, readMemoryModules } from './devices.js';
import { countBits, countPackages, parseCpuList, readTopology } from './topology.js';

it('the parsers never throw', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (odd) => {
      assert.ok(parseCpuinfo(odd).processors >= 0);
      assert.equal(typeof parseCpuinfo(odd).vendor, 'string');
      assert.ok(memoryLine(odd, 'MemTotal') >= 0);
      assert.ok(parseCpuList(odd).length >= 0);
      assert.ok(countBits(odd) >= 0);
    }),
  );
});

it('parses lists and masks of CPUs', () => {
  assert.deepEqual(parseCpuList('0-2,8,x,10-11\n'), [0, 1, 2, 8, 10, 11]);
  assert.equal(countBits('ff,00000003'), 10);
});

it('truncates the frequency to kHz, 0 where the architecture reports none', () => {
  assert.deepEqual(parseCpuinfo('processor\t: 0\ncpu MHz\t\t: 2596.1489\nprocessor : 1\ncpu MHz : 1\n'), {
    processors: 2,
    vendor: '',
    frequencyKhz: 2596148,
  });
  assert.equal(parseCpuinfo('processor : 0\nclock : 3000MHz\n').frequencyKhz, 3_000_000);
  assert.equal(parseCpuinfo('processor : 0\nBogoMIPS : 50.00\n').frequencyKhz, 0);
});

/** Two nodes in one package, four threads in two cores each; the second node's cores carry the first's ids. */
function twoNodes(): Record<string, string> {
  const files: Record<string, string> = {};
  const cpu = '/sys/devices/system/cpu/cpu';
  for (let thread = 0; thread < 8; thread++) {
    files[`${cpu}${thread}/topology/core_id`] = String(Math.floor(thread / 2) % 2);
    files[`${cpu}${thread}/topology/physical_package_id`] = String(thread < 4 ? 0 : 1);
    const cache = (index: number, size: string, level: number, map: string) => {
      const base = `${cpu}${thread}/cache/index${index}`;
      Object.assign(files, { [`${base}/size`]: size, [`${base}/level`]: String(level), [`${base}/type`]: 'Unified' });
      files[`${base}/shared_cpu_map`] = map;
    };
    cache(0, '512K', 2, '3');
    cache(1, '8M', 3, '0f');
    cache(2, '99M', 4, 'ff');
  }
  for (const node of [0, 1]) {
    files[`/sys/devices/system/node/node${node}/cpulist`] = node === 0 ? '0-3\n' : '4-7\n';
    files[`/sys/devices/system/node/node${node}/meminfo`] = `Node ${node} MemTotal:  ${node + 1} kB\n`;
    files[`/sys/devices/system/node/node${node}/hugepages/hugepages-2048kB/nr_hugepages`] = '3\n';
  }
  files['/sys/devices/system/node/node2/cpulist'] = '\n';
  files['/sys/devices/system/node/node2/meminfo'] = 'Node 2 MemTotal: 9 kB\n';
  return files;
}

it('assigns cores, memory and caches to their NUMA node; a memory-only node has no cores', async () => {
  const tree = new HostTree(twoNodes());
  try {
    const nodes = await readTopology(tree.paths, 0);
    assert.deepEqual(
      nodes.map(({ node_id, memory, cores }) => [node_id, memory, cores.map((core) => core.thread_ids)]),
      [
        [
          0,
          1024,
          [
            [0, 1],
            [2, 3],
          ],
        ],
        [
          1,
          2048,
          [
            [4, 5],
            [6, 7],
          ],
        ],
        [2, 9216, []],
      ],
    );
    assert.deepEqual(nodes[0]!.caches, [{ id: 0, size: 8 << 20, type: 'Unified', level: 3 }]);
    assert.deepEqual(nodes[0]!.cores[1]!.caches, [{ id: 0, size: 512 << 10, type: 'Unified', level: 2 }]);
    assert.deepEqual(nodes[1]!.hugepages, [{ page_size: 2048, num_pages: 3 }]);
  } finally {
    tree.remove();
  }
});

it('separates caches of one core from those shared by some cores, and counts packages', async () => {
  const files = twoNodes();
  const base = '/sys/devices/system/cpu/cpu';
  for (let thread = 0; thread < 8; thread++) {
    files[`${base}${thread}/cache/index0/id`] = String(thread >> 1);
    files[`${base}${thread}/cache/index1/shared_cpu_map`] = '3';
    files[`${base}${thread}/cache/index1/id`] = String(thread >> 1);
  }
  files[`${base}7/topology/drawer_id`] = '0';
  files[`${base}6/topology/drawer_id`] = '0';
  files[`${base}7/topology/book_id`] = '-1';
  files['/sys/devices/system/node/node0/distance'] = '10 21 30\n';
  const tree = new HostTree(files);
  try {
    const nodes = await readTopology(tree.paths, 0);
    assert.deepEqual(nodes[0]!.distances, [10, 21, 30]);
    assert.deepEqual(nodes[1]!.distances, []);
    assert.deepEqual(nodes[0]!.caches, []);
    const cache = (id: number, size: number, level: number) => ({ id, size, type: 'Unified', level });
    assert.deepEqual(nodes[1]!.cores[1], {
      core_id: 1,
      thread_ids: [6, 7],
      caches: [cache(3, 512 << 10, 2)],
      uncore_caches: [cache(3, 8 << 20, 3), cache(0, 99 << 20, 4)],
      socket_id: 1,
      drawer_id: 0,
    });
    assert.deepEqual(countPackages(nodes), { num_physical_cores: 4, num_sockets: 2, num_books: 0, num_drawers: 1 });
  } finally {
    tree.remove();
  }
});

it('sums memory modules by type', () => {
  const root = '/sys/devices/system/edac/mc';
  const dimm = (controller: number, number: number, type: string, size: string) => ({
    [`${root}/mc${controller}/dimm${number}/dimm_mem_type`]: `${type}\n`,
    [`${root}/mc${controller}/dimm${number}/size`]: `${size}\n`,
  });
  const tree = new HostTree({
    ...dimm(0, 0, 'Unbuffered-DDR4', '8192'),
    ...dimm(1, 3, 'Unbuffered-DDR4', '4096'),
    ...dimm(1, 4, 'Non-volatile-RAM', 'x'),
    [`${root}/mc1/dimm5/dimm_mem_type`]: 'half written',
    [`${root}/power/size`]: '1',
  });
  try {
    assert.deepEqual(readMemoryModules(join(tree.root, root)), {
      'Non-volatile-RAM': { capacity: 0, dimm_count: 1 },
      'Unbuffered-DDR4': { capacity: 12 * 2 ** 30, dimm_count: 2 },
    });
    assert.deepEqual(readMemoryModules(join(tree.root, 'none')), {});
  } finally {
    tree.remove();
  }
});
