// Every recorded answer of the kinds served: an agent that knows what the recording shows must answer the same, key by
// key in the same order, but for the differences listed here.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { MEMORY_KEYS } from '../../src/api-versions/v1.0/sections/keys.js';
import { operationOf, violation } from '../support/served-operations.js';
import { containerFromInfo, type FakeContainer } from './world/fake-agent.js';
import { type Allowance, differences, golden, goldenObject, parseExact } from './world/golden.js';
import { agentFor } from './world/recorded-agent.js';
import type { Json, JsonObject } from './world/recorded-samples.js';
import { serveAgent } from './world/served.js';

interface RecordedFile {
  readonly file: string;
  readonly url: string;
  readonly method: string;
  readonly request_body?: string;
}

const MACHINE_KEYS = [
  'timestamp',
  'vendor_id',
  'num_physical_cores',
  'num_sockets',
  'swap_capacity',
  'memory_by_type',
  'nvm',
];

const ALLOWED: readonly Allowance[] = [
  { at: /\/cpu$/, only: /v2/, extra: ['quota', 'period'], why: 'quirk 8: the v2 spec has the quota too' },
  { at: /\/processes$/, only: /v2/, extra: ['limit'], why: 'quirk 8: the v2 spec has the processes limit too' },
  { at: /\/has_processes$/, only: /v2\.0-stats/, value: true, why: 'quirk 8: v2.0 samples show processes' },
  { at: /^\/hugepages$/, value: true, why: 'quirk 10: attributes have the huge pages' },
  { at: /\/filesystem$/, extra: ['container_inode_usage'], why: 'quirk 9: the right spelling beside the known one' },
  {
    at: /\/filesystem$/,
    extra: (
      'reads_completed reads_merged sectors_read read_duration writes_completed writes_merged sectors_written ' +
      'write_duration io_in_progress io_duration weighted_io_duration'
    ).split(' '),
    why: 'quirk 9: the counters in the element itself beside `inline`',
  },
  ...[
    { at: /_usage\/(cpu|memory)$/, extra: ['std', 'count'] },
    { at: /(^|\/spec|\/docker\/[^/]*|\/graw|\/gcpuonly|^\/\/)$/, extra: ['start_time', 'has_hugetlb'] },
    { at: /(^|\/stats|\/docker\/[^/]*|\/graw)$/, extra: ['has_hugetlb', 'resctrl', 'cpuset', 'health'] },
    { at: /(^|\/)cpu$/, extra: ['load_d_average', 'psi'] },
    { at: /\/cfs$/, extra: ['bursts_periods', 'burst_time'] },
    { at: /\/diskio$/, extra: ['psi'] },
    { at: /\/memory$/, extra: [...MEMORY_KEYS, 'psi', 'events'] },
    { at: /\/(container|hierarchical)_data$/, extra: ['numa_stats'] },
    { at: /\/network$/, extra: ['interfaces'] },
    { at: /^$/, only: /machine\.json/, extra: MACHINE_KEYS },
    { at: /^$/, only: /-ps-/, extra: ['psr'] },
    { at: /^\/topology$/, extra: ['distances'] },
    { at: /^\/topology\/cores$/, extra: ['uncore_caches', 'socket_id'] },
    { at: /^\/topology(\/cores)?\/caches$/, extra: ['id'] },
  ].map((allowance): Allowance => ({ ...allowance, why: 'v0.60.5 has them' })),
  {
    at: /(\/stats|^)$/,
    only: /v1\.|C-|graw|nethost/,
    missing: ['network', 'processes'],
    why: 'v0.60.5 shows no zeros that nothing counts',
  },
  { at: /^\/labels$/, only: /storage/, value: true, why: 'v0.60.5 has null for no labels, and sorts them' },
  { at: /^\/docker(_api)?_version$/, only: /F-/, value: true, why: 'v0.60.5 says nothing where there is no daemon' },
  { at: /\/(custom_metrics\/[^/]+|__name__=[^/]*)$/, extra: ['labels'], why: 'quirk 30: labels as a map' },
];

const { files } = golden('MANIFEST.json') as unknown as { files: RecordedFile[] };
const INFOS = [
  'v1.3-containers-g-limits',
  'v1.3-containers-g-cpu',
  'v1.0-containers-root-slash',
  'v1.3-containers-raw_graw',
];
const known: FakeContainer[] = [
  ...INFOS.map((file) => containerFromInfo(goldenObject(`${file}.json`))),
  ...Object.values(goldenObject('v1.2-docker-all.json')).map((info) => containerFromInfo(info as JsonObject)),
];

for (const { file, url, method, request_body: body } of files) {
  // Recorded events are among the request and answer pairs (http-cases.test.ts), the stream in events.test.ts.
  if (!/\/api\/v/.test(url) || url.includes('/events')) continue;
  it(`recorded ${file}`, async () => {
    const recorded = expected(file, golden(file));
    const allowed = ALLOWED.filter(({ only }) => only === undefined || only.test(file));
    const prefix = url.startsWith('/pre/') ? '/pre' : '';
    const { server, url: base, faults } = await serveAgent(agentFor(url, recorded, known), { prefix });
    try {
      const response = await fetch(base + url, { method, ...(body !== undefined && { body }) });
      const text = await response.text();
      assert.equal(response.status, 200, text);
      assert.equal(response.headers.get('content-type'), 'application/json');
      assert.deepEqual(differences(recorded, parseExact(text), allowed), []);
      assert.equal(violation(operationOf(url.slice(prefix.length))!, text), '');
      assert.deepEqual(faults, []);
    } finally {
      await server.stop(0);
    }
  });
}

/** The recording without what is deliberately different. */
function expected(file: string, recorded: Json): Json {
  if (!Array.isArray(recorded) || !file.includes('subcontainers')) return recorded;
  const containers = recorded as JsonObject[];
  // Quirk 4: a sibling is not below. The order is not defined; this agent sorts.
  return containers
    .filter(({ name }) => !file.includes('graw') || name !== '/grawsibling')
    .sort((a, b) => (a.name! < b.name! ? -1 : 1));
}
