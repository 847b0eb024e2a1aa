// The scrapes of cAdvisor v0.60.5 with every set on (cgroup v1), and with the default sets (v2): every family has the
// recorded type, and the series of the containers whose samples are recorded are there, label for label.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { metricsEndpoint, parseText, type Series } from '../support/exposition.js';
import { containerFromInfo, containerFromSpec, type FakeContainer } from './world/fake-agent.js';
import { golden, goldenObject, goldenText } from './world/golden.js';
import { metricsWorld } from './world/metrics-world.js';
import { machineFromJson } from './world/recorded-agent.js';
import { type JsonObject, sampleFromJson } from './world/recorded-samples.js';

const RECORDINGS = 'golden-0.60';
/** What cAdvisor's process says of its own runtime; the names of versions of another host. */
const NOT_COMPARED = /^((go|process)_.*|cadvisor_version_info)$/;

interface Run {
  readonly name: string;
  readonly metrics: string;
  readonly container: JsonObject;
  readonly machine: string;
  readonly machineStats: string;
}

const RUNS: readonly Run[] = [
  {
    name: 'every set on, cgroup v1',
    metrics: 'all-metrics.txt',
    container: Object.values(goldenObject('all-v1.3-docker-g6-limits.json', RECORDINGS))[0] as JsonObject,
    machine: 'all-v1.3-machine.json',
    machineStats: 'all-v2.1-machinestats.json',
  },
  {
    name: 'default sets, cgroup v2',
    metrics: 'v2-metrics.txt',
    container: goldenObject('v2-v1.3-containers-limits.json', RECORDINGS),
    machine: 'v2-v2.0-machine.json',
    machineStats: 'v2-v2.1-machinestats.json',
  },
];

/**
 * Series that v0.60.5 prints although nothing counts what they are about (quirk 33): zeros of what the machine's samples or
 * a container's do not have. With the v2 API, from which the machine's samples come, block I/O and task states of `/` are not recorded.
 */
const NOT_RECORDED_OF_ROOT =
  /^container_(blkio|fs_(reads|writes|read|write|sector|io_time|io_cost|io_current)|tasks_state|oom_events|processes|file_descriptors|sockets|threads|ulimits|hugetlb|memory_migrate|referenced|pressure_io|fs_usage|fs_limit|fs_inodes)/;
const NOTHING_COUNTED: readonly ((series: Series) => boolean)[] = [
  ({ name }) => name === 'container_fs_inodes_free' || name === 'container_fs_io_time_weighted_seconds_total',
  // The API leaves out a count of 0, from which the samples come here.
  ({ name, value }) => name === 'container_oom_events_total' && value === 0,
  // The machine has none.
  ({ name, labels }) => name === 'container_spec_cpu_period' && labels.id === '/',
  ({ name, labels }) => name === 'container_tasks_state' && labels.state === 'iowaiting',
];

for (const { name, metrics, container, machine, machineStats } of RUNS) {
  describe(`the recorded scrape of cAdvisor v0.60.5: ${name}`, async () => {
    const recorded = parseText(goldenText(metrics, RECORDINGS));
    const root: FakeContainer = {
      ...containerFromSpec('/', goldenObject('all-v2.0-spec-root.json', RECORDINGS)['/'] as JsonObject),
      samples: (golden(machineStats, RECORDINGS) as JsonObject[]).map(sampleFromJson),
    };
    const agent = await metricsWorld([root, containerFromInfo(container)], {
      machine: machineFromJson(goldenObject(machine, RECORDINGS)),
    });
    const answered = await metricsEndpoint(agent, { cpuTopology: true, emptyLabels: true }).exposed();
    const ours = new Set(answered.series.map(keyOf));

    it('every family with samples has the recorded type', () => {
      const names = [...recorded.types].filter(([family]) => !NOT_COMPARED.test(family));
      const wrong = names.filter(([family, type]) => answered.types.has(family) && answered.types.get(family) !== type);
      assert.deepEqual(wrong, []);
    });

    it('the text format has the recorded content type', async () => {
      const [, recordedType] = /^Content-Type: (.*?)\r?$/m.exec(goldenText('metrics.headers', RECORDINGS))!;
      assert.equal((await metricsEndpoint(agent).scrape()).contentType, recordedType);
    });

    it('every series of the container and the machine exists with the same labels', () => {
      const known = recorded.series.filter(({ name: family, labels }) => {
        if (NOT_COMPARED.test(family)) return false;
        if (labels.id === '/') return !NOT_RECORDED_OF_ROOT.test(family);
        return labels.id === undefined || labels.id === container.name;
      });
      const missing = known.filter((series) => {
        return !ours.has(keyOf(series)) && !NOTHING_COUNTED.some((fits) => fits(series));
      });
      assert.deepEqual(missing.map(keyOf), []);
      assert.ok(known.length > 150, `${known.length} series compared`);
    });
  });
}

/** Name and labels; those of containers' own labels and variables are the union over containers that are not here. */
function keyOf({ name, labels }: Series): string {
  const own = Object.entries(labels).filter(([label]) => !/^container_(label|env)_/.test(label));
  return `${name}{${own
    .map(([label, value]) => `${label}="${value}"`)
    .sort()
    .join(',')}}`;
}
