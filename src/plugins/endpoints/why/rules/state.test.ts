import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { keptEvents } from '../../../../../test/conformance/world/recorded-events.js';
import { judged, measured, NOW } from '../../../../../test/support/rule-bench.js';
import type { ContainerDescription, ContainerState } from '../../../../kernel/contracts/index.js';
import { descriptorsNearLimit, pidsNearLimit } from './processes.js';
import { exitCode, restartLoop, unhealthy } from './state.js';

const about = (state: Partial<ContainerState>, more: Partial<ContainerDescription> = {}): ContainerDescription => ({
  aliases: ['job'],
  namespace: 'docker',
  labels: {},
  envs: {},
  networkMode: 'none',
  state: { status: 'running', ...state },
  ...more,
});
const running = (state: Partial<ContainerState>, more: Partial<ContainerDescription> = {}) =>
  measured('/docker/1', {}, { namespace: 'docker', aliases: ['job'], description: about(state, more) });
const ended = (state: Partial<ContainerState>, more: Partial<ContainerDescription> = {}) => ({
  departed: [{ name: '/docker/1', description: about({ status: 'exited', ...state }, more) }],
});
const ends = (containerName: string, secondsAgo: readonly number[], code = 1) =>
  keptEvents(
    secondsAgo.map((ago) => ({ containerName, type: 'containerDeletion', time: NOW - ago * 1e6, exitCode: code })),
  );

describe('restart-loop', () => {
  it('finds a unit that ended three times in ten minutes', () => {
    const events = ends('/system.slice/a.service', [90, 60, 30]);
    const finding = judged(restartLoop, [measured('/system.slice/a.service', {})], { events })!;
    assert.match(finding.evidence[0]!.text, /ended 3 times in 90 s, the last time with exit code 1/);
    assert.equal(finding.lines![0]!.line, 'journalctl -u a.service -n 50');
  });

  it('finds a container that its engine is about to restart after several failures', () => {
    const finding = judged(restartLoop, [], ended({ status: 'restarting', exitCode: 127 }, { restartCount: 8 }))!;
    assert.match(
      finding.evidence[0]!.text,
      /restarted 8 times by its engine.*exit code 127: its command was not found/,
    );
    assert.equal(finding.lines![0]!.line, 'docker logs --tail 50 job');
  });

  it('does not find one that ended now and then', () => {
    assert.equal(
      judged(restartLoop, [running({}, { restartCount: 8 })], { events: ends('/docker/1', [700, 60, 30]) }),
      undefined,
    );
  });
});

describe('unhealthy', () => {
  it('finds a failing health check, and one that never passed since the start', () => {
    const earlier = [{ status: 'healthy' as const, until: NOW - 120e6 }];
    const finding = judged(unhealthy, [running({ health: { status: 'unhealthy', failingStreak: 4, earlier } })])!;
    assert.equal(finding.evidence[0]!.text, 'the check failed 4 times in a row, unhealthy for 2 min');
    assert.equal(judged(unhealthy, [running({ health: { status: 'starting', failingStreak: 3 } })])!.harm, 45);
  });

  it('does not find a passing one, or a container without one', () => {
    assert.equal(judged(unhealthy, [running({ health: { status: 'healthy', failingStreak: 0 } })]), undefined);
    assert.equal(judged(unhealthy, [running({})]), undefined);
  });
});

describe('exit-code', () => {
  it('explains the code of a container that ended', () => {
    const whatOf = (code: number) => judged(exitCode, [], ended({ exitCode: code, finishedAt: NOW - 5e6 }))!.what;
    assert.match(whatOf(137), /137: killed \(SIGKILL\)/);
    assert.match(whatOf(139), /139: segmentation fault/);
    assert.match(whatOf(143), /143: ended on request/);
    assert.match(whatOf(126), /126: its command was found and could not be run/);
    assert.match(whatOf(127), /127: its command was not found/);
    assert.match(whatOf(152), /152: ended by signal 24/);
    assert.match(whatOf(3), /3: the program ended with an error of its own/);
  });

  it('gives the reason that the runtime has for the end', () => {
    const finding = judged(exitCode, [], ended({ exitCode: 1, reason: 'ContainerCannotRun', finishedAt: NOW - 5e6 }))!;
    assert.match(finding.evidence[0]!.text, /^exit code 1 \(ContainerCannotRun\), 5 s ago/);
  });

  it('reports the last run of a container that runs again, as less harmful', () => {
    const finding = judged(exitCode, [running({})], { events: ends('/docker/1', [30], 139) })!;
    assert.match(finding.what, /^its last run ended with exit code 139/);
    assert.equal(finding.harm, 37.5);
  });

  it('finds nothing when it ended well, or runs for the first time', () => {
    assert.equal(judged(exitCode, [], ended({ exitCode: 0 })), undefined);
    assert.equal(judged(exitCode, [running({})]), undefined);
  });
});

describe('limits of processes', () => {
  const processes = (threads: number, files = 10) =>
    measured(
      '/a',
      {
        'processes.threads_current': threads,
        'processes.threads_max': 100,
        'processes.process_count': 2,
        'processes.fd_count': files,
        'processes.socket_count': 7,
        'processes.ulimit.soft{max_open_files}': 1024,
      },
      { limits: { cgroupVersion: 1 } },
    );

  it('finds a container at or near its limit of processes', () => {
    const finding = judged(pidsNearLimit, [processes(100)])!;
    assert.equal(finding.harm, 88);
    assert.equal(finding.lines![0]!.line, 'echo 200 > /sys/fs/cgroup/pids/a/pids.max');
    assert.equal(judged(pidsNearLimit, [processes(95)])!.harm, 70);
    assert.equal(judged(pidsNearLimit, [processes(50)]), undefined);
    assert.equal(
      judged(pidsNearLimit, [measured('/a', { 'processes.threads_current': 9, 'processes.threads_max': 0 })]),
      undefined,
    );
  });

  it('finds processes that have nearly all files open that they may', () => {
    const text = '2000 files open, 7 of them sockets, in 2 processes that may open 1024 each (97.7 %)';
    assert.equal(judged(descriptorsNearLimit, [processes(1, 2000)])!.evidence[0]!.text, text);
    assert.equal(judged(descriptorsNearLimit, [processes(1, 1000)]), undefined);
  });
});
