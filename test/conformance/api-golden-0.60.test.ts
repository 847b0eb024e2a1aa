// Every recorded answer of cAdvisor v0.60.5: an agent that knows what the recording shows must answer the same, key by key
// in the same order, to the nanosecond where an engine tells it, but for the differences listed here.
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { operationOf, violation } from '../support/served-operations.js';
import { containerFromInfo, containerFromSpec, type FakeContainer } from './world/fake-agent.js';
import { type Allowance, differences, golden, goldenObject, parseExact } from './world/golden.js';
import { agentFor } from './world/recorded-agent.js';
import type { Json, JsonObject } from './world/recorded-samples.js';
import { serveAgent } from './world/served.js';

const RECORDINGS = 'golden-0.60';

const ALLOWED: readonly Allowance[] = [
  { at: /\/cpu$/, only: /v2\.[01]/, extra: ['quota', 'period'], why: 'quirk 8: the v2 spec has the quota too' },
  { at: /\/processes$/, only: /v2\.[01]/, extra: ['limit'], why: 'quirk 8: the v2 spec has the processes limit too' },
  { at: /\/has_processes$/, only: /v2\.0-stats/, value: true, why: 'quirk 8: v2.0 samples show processes' },
  { at: /\/filesystem$/, extra: ['container_inode_usage'], why: 'quirk 9: the right spelling beside the known one' },
  {
    at: /\/filesystem$/,
    only: /machinestats/,
    extra: (
      'reads_completed reads_merged sectors_read read_duration writes_completed writes_merged sectors_written ' +
      'write_duration io_in_progress io_duration weighted_io_duration'
    ).split(' '),
    why: 'quirk 9: the counters in the element itself beside `inline`',
  },
  { at: /^\/cadvisor_version$/, value: true, why: 'the recorded build carries no version' },
];

/** The containers of the v1 recordings, by run: they show what v2 leaves out. */
const known = new Map<string, FakeContainer[]>(
  ['default', 'all', 'v2', 'v2-all'].map((run) => {
    const info = run.startsWith('v2')
      ? goldenObject(`${run}-v1.3-containers-limits.json`, RECORDINGS)
      : Object.values(goldenObject(`${run}-v1.3-docker-g6-limits.json`, RECORDINGS))[0];
    const spec = `${run === 'all' ? 'all' : 'default'}-v2.0-spec-root.json`;
    const root = goldenObject(spec, RECORDINGS)['/'] as JsonObject;
    return [run, [containerFromInfo(info as JsonObject), containerFromSpec('/', root)]];
  }),
);

describe('answers of cAdvisor v0.60.5', () => {
  const files = readdirSync(join(process.cwd(), 'test', RECORDINGS)).filter((file) => file.endsWith('.json'));
  for (const file of files) {
    it(`${file} is answered as recorded`, async () => {
      const recorded = inOrder(golden(file, RECORDINGS));
      const url = urlOf(file, recorded);
      const run = /^(default|all|v2-all|v2)-/.exec(file)![1]!;
      const allowed = ALLOWED.filter(({ only }) => only === undefined || only.test(file));
      const agent = agentFor(url, recorded, known.get(run)!);
      const { server, url: base, faults } = await serveAgent(agent);
      try {
        const response = await fetch(base + url);
        const text = await response.text();
        assert.equal(response.status, 200, text);
        assert.deepEqual(differences(recorded, parseExact(text), allowed), []);
        assert.equal(violation(operationOf(url)!, text), '');
        assert.deepEqual(faults, []);
      } finally {
        await server.stop(0);
      }
    });
  }
});

/** Which of two events of one instant comes first is not defined. */
function inOrder(recorded: Json): Json {
  if (!Array.isArray(recorded) || (recorded[0] as JsonObject).event_type === undefined) return recorded;
  const key = ({ timestamp, event_type }: JsonObject) => [timestamp, event_type].join();
  const isOom = ({ event_type }: JsonObject) => String(event_type).startsWith('oom');
  return (recorded as JsonObject[]).sort((a, b) => (isOom(a) && isOom(b) && key(a) < key(b) ? -1 : 0));
}

/** The request that a recording answers: `all-v2.0-stats-g6-limits.json` → `/api/v2.0/stats/<its container>`. */
function urlOf(file: string, recorded: Json): string {
  const [, version, type] = /-(v[12]\.\d)-([a-z]+)(?:-.*)?\.json$/.exec(file)!;
  const base = `/api/${version}/${type}`;
  if (type === 'events') return `${base}?all_events=true&subcontainers=true&max_events=-1`;
  if (type === 'machine' || type === 'attributes' || type === 'storage') return base;
  if (type === 'machinestats') return `${base}?count=2`;
  const name = type === 'containers' ? (recorded as JsonObject).name : Object.keys(recorded as JsonObject)[0]!;
  return type === 'docker' ? `${base}/${String(name).replace('/docker/', '')}` : `${base}${name}`;
}
