import assert from 'node:assert/strict';
import { it } from 'node:test';
import { type PluginRow, tableOf } from './plugins.js';

const CPU: PluginRow = {
  id: 'cpu',
  kind: 'metric-source',
  name: 'cpu',
  version: '0.1.0',
  source: 'cpu',
  state: 'running',
};

it('the table without costs lists what is known of each plugin', () => {
  const broken: PluginRow = {
    id: './x.mjs',
    name: './x.mjs',
    version: '',
    source: './x.mjs',
    state: 'broken',
    last_error: 'sick',
  };
  assert.equal(
    tableOf([{ ...CPU, state: 'configured' }, broken]),
    `PLUGIN   KIND           VERSION  STATE
cpu      metric-source  0.1.0    configured
./x.mjs                          broken
  last error: sick
`,
  );
});

it('the table with costs lists calls, time, time per call and errors of running plugins only', () => {
  const isolated: PluginRow = {
    ...CPU,
    id: 'shop',
    state: 'retrying',
    calls: 0,
    busy_ms: 0,
    errors: 3,
    last_error: 'isolation: blocked its process',
    last_error_at: '2026-11-24T15:06:50.112Z',
    isolation: { restarts: 1, memory_bytes: 26 * 2 ** 20 },
  };
  const rows: PluginRow[] = [
    {
      ...CPU,
      calls: 2400,
      busy_ms: 61.2,
      errors: 0,
      blocked: {
        count: 2,
        total_ms: 900,
        longest_ms: 812,
        last_ms: 88,
        last_in: 'sample',
        last_at: '2026-11-24T15:06:50.112Z',
      },
    },
    isolated,
    { ...CPU, id: 'udp', state: 'available' },
  ];
  assert.equal(
    tableOf(rows),
    `PLUGIN  KIND           VERSION  STATE      CALLS     TIME  PER CALL  ERRORS
cpu     metric-source  0.1.0    running     2400  61.2 ms   25.5 µs       0
  calls that blocked the agent: 2, the longest 812 ms; the last in sample, 2026-11-24T15:06:50.112Z
shop    metric-source  0.1.0    retrying       0   0.0 ms                 3
  its process is being started, 26.0 MiB, 1 restart
  last error, 2026-11-24T15:06:50.112Z: isolation: blocked its process
udp     metric-source  0.1.0    available
`,
  );
});
