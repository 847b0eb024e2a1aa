import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { keptEvents } from '../../../../../test/conformance/world/recorded-events.js';
import { diagnose, measured, NOW } from '../../../../../test/support/rule-bench.js';
import type { ContainerDescription, ContainerEvent, Rule } from '../../../../kernel/contracts/index.js';
import { RULES } from './index.js';

/** Fields that rules look at, and what their counters reach in a minute of trouble. */
const FIELDS: Readonly<Record<string, number>> = {
  'cpu.usage.total': 240e9,
  'cpu.cfs.periods': 600,
  'cpu.cfs.throttled_periods': 600,
  'cpu.cfs.throttled_time': 60e9,
  'cpu.schedstat.runqueue_time': 60e9,
  'pressure.cpu.some.total': 60e6,
  'pressure.memory.some.total': 60e6,
  'pressure.io.some.total': 60e6,
  'memory.usage': 2 ** 34,
  'memory.working_set': 2 ** 34,
  'memory.failcnt': 1000,
  'memory.workingset_refault_file': 1e6,
  'memory.hierarchical.pgmajfault': 1e5,
  'diskio.io_service_bytes{8,0,/dev/sda,Write}': 2 ** 36,
  'filesystem.io_time{/dev/sda}': 60_000,
  'filesystem.usage{/dev/sda}': 2 ** 36,
  'filesystem.available{/dev/sda}': 2 ** 36,
  'network.rx_packets{eth0}': 1e5,
  'network.rx_dropped{eth0}': 1e5,
  'network.tx_packets{eth0}': 1e5,
  'network.tx_errors{eth0}': 1e5,
  'tcp_advanced.RetransSegs': 1e4,
  'tcp_advanced.OutSegs': 1e5,
  'tcp_advanced.ListenOverflows': 100,
  'udp.Dropped': 1000,
  'processes.threads_current': 100,
  'processes.threads_max': 100,
  'processes.process_count': 2,
  'processes.fd_count': 2048,
  'processes.ulimit.soft{max_open_files}': 1024,
};

/** Half of the values are 0, which is what preconditions look at. */
const series = fc.record(
  Object.fromEntries(
    Object.entries(FIELDS).map(([field, most]) => {
      const value = fc.oneof(
        fc.constant(0),
        fc.integer({ min: 0, max: 1000 }).map((part) => (most * part) / 1000),
      );
      return [field, fc.tuple(value, value).map((pair) => pair.sort((a, b) => a - b) as [number, number])];
    }),
  ),
);

const states = fc.record({
  status: fc.constantFrom('running', 'restarting', 'exited', 'dead'),
  exitCode: fc.option(fc.constantFrom(0, 1, 137), { nil: undefined }),
  oomKilled: fc.boolean(),
  health: fc.option(
    fc.record({ status: fc.constantFrom('starting', 'healthy', 'unhealthy'), failingStreak: fc.nat(5) }),
    {
      nil: undefined,
    },
  ),
});
const events = fc.array(fc.constantFrom('oom', 'oomKill', 'containerCreation', 'containerDeletion'), { maxLength: 4 });

const eventAt = (type: string, seconds: number) =>
  ({ time: NOW - seconds * 1e6, type, containerName: '/docker/1', exitCode: 1 }) as ContainerEvent;

const always = ({ precondition: _, ...rule }: Rule): Rule => rule;

describe('preconditions of rules', () => {
  it('never leave out a finding', () => {
    fc.assert(
      fc.property(series, series, states, events, (host, own, state, types) => {
        const description = { networkMode: 'own', restartCount: 5, state } as Partial<ContainerDescription>;
        const web = measured('/docker/1', own, { namespace: 'docker', aliases: ['web'], description });
        const containers = [measured('/', host), web];
        const more = {
          events: keptEvents(types.map(eventAt)),
        };
        assert.deepEqual(
          diagnose(RULES, containers, more).all.map(({ findings }) => findings),
          diagnose(RULES.map(always), containers, more).all.map(({ findings }) => findings),
        );
      }),
      { numRuns: 100 },
    );
  });
});
