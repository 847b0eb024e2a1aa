import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { ContainerHealth } from '../../../kernel/contracts/index.js';
import { type DescribeRules, time } from '../common/index.js';
import { type Context, describeContainer } from './describe.js';
import { engineOptions } from './options.js';

const rulesOf = (options: Record<string, unknown> = {}): DescribeRules => ({
  ...engineOptions('unix:///x').parse(options),
  namespace: 'docker',
});
const nothing: Context = { mountinfo: () => undefined, now: 0 };

const answer = (over: Record<string, unknown> = {}) => ({
  Id: 'i1',
  Name: '/web',
  Created: '2026-01-02T03:04:05.123456789Z',
  RestartCount: 2,
  Image: 'sha256:1',
  LogPath: '/var/lib/docker/containers/i1/i1-json.log',
  State: {
    Status: 'running',
    Running: true,
    Pid: 7,
    StartedAt: '2026-01-02T03:04:06Z',
    FinishedAt: '0001-01-01T00:00:00Z',
  },
  HostConfig: { NetworkMode: 'bridge' },
  GraphDriver: { Name: 'overlay2', Data: { UpperDir: '/var/lib/docker/overlay2/x/diff' } },
  Config: {
    Image: 'shop/web:1',
    Labels: { 'com.acme.tier': 'front', other: '1' },
    Env: ['APP_TIER=a=b', 'APP_ZONE=z', 'SECRET=x', 'odd'],
  },
  ...over,
});
const described = (over: Record<string, unknown>, options: Record<string, unknown> = {}, context = nothing) =>
  describeContainer(answer(over), rulesOf(options), context)!;

describe('describeContainer', () => {
  it('publishes only the listed environment variables', () => {
    assert.deepEqual(described({}).description.envs, {});
    assert.deepEqual(described({}, { envAllow: ['APP_TIER'] }).description.envs, { app_tier: 'a=b' });
    const kept = described({}, { envAllow: ['APP_*'], envKeyCase: 'keep' }).description.envs;
    assert.deepEqual(kept, { APP_TIER: 'a=b', APP_ZONE: 'z' });
  });

  it('publishes all or the listed labels, and the restart count', () => {
    const all = { 'com.acme.tier': 'front', other: '1', restartcount: '2' };
    assert.deepEqual(described({}).description.labels, all);
    const some = described({}, { labelAllow: ['com.acme.*'] });
    assert.deepEqual(some.description.labels, { 'com.acme.tier': 'front', restartcount: '2' });
    assert.equal(some.misspelt, undefined);
  });

  it('suggests the label when labelAllow uses underscores', () => {
    const { misspelt } = described({}, { labelAllow: ['com_acme_tier'] });
    assert.deepEqual(misspelt, [{ written: 'com_acme_tier', meant: 'com.acme.tier' }]);
  });

  it('selects by name, image, label and opt-out', () => {
    const ignored = (options: Record<string, unknown>) => described({}, options).ignored;
    assert.equal(ignored({}), undefined);
    assert.equal(ignored({ include: { names: ['w*'] } }), undefined);
    assert.equal(ignored({ include: { names: ['db*'] } }), 'include.names does not match web');
    assert.equal(ignored({ exclude: { images: ['shop/**'] } }), 'exclude.images matches shop/web:1');
    assert.equal(ignored({ include: { labels: ['com.acme.tier=fr*'] } }), undefined);
    assert.equal(ignored({ include: { labels: ['com.acme.tier=back'] } }), 'include.labels matches none of its labels');
    assert.equal(ignored({ exclude: { labels: ['other'] } }), 'exclude.labels matches one of its labels');
    const optedOut = described({ Config: { Labels: { 'tallyman.enable': 'False' } } });
    assert.equal(optedOut.ignored, 'its label tallyman.enable is False');
  });

  it('reads the writable layer from mountinfo when the engine does not report it', () => {
    const mountinfo = () =>
      '512 1 0:70 / / rw,relatime - overlay overlay rw,lowerdir=/a:/b,upperdir=/var/lib/containerd/snap\\040shots/42/fs,workdir=/w\n' +
      '513 512 0:71 / /proc rw - proc proc rw\n';
    const snapshotter = { GraphDriver: null, Driver: 'overlayfs' };
    assert.deepEqual(described(snapshotter, {}, { mountinfo, now: 0 }).description.storage, {
      writableLayer: '/var/lib/containerd/snap shots/42/fs',
      ownDirectory: '/var/lib/docker/containers/i1',
    });
    assert.deepEqual(described(snapshotter).description.storage, {
      reason: 'the storage driver (overlayfs) does not tell the directory of the writable layer',
      ownDirectory: '/var/lib/docker/containers/i1',
    });
  });

  it('reports the exit code of the previous run only when it is known', () => {
    const ended = { Status: 'exited', Running: false, ExitCode: 3, FinishedAt: '2026-01-02T03:05:00.5Z', Pid: 0 };
    const { state, pid } = described({ State: ended }).description;
    assert.deepEqual(state, { status: 'exited', exitCode: 3, finishedAt: Date.UTC(2026, 0, 2, 3, 5) * 1000 + 500_000 });
    assert.equal(pid, undefined);
    assert.equal(described({}).description.state.exitCode, undefined);
    const again = describeContainer(answer(), rulesOf(), { ...nothing, previousExit: 3 })!;
    assert.equal(again.description.state.exitCode, 3);
  });

  it('treats Podman’s empty health as no health check', () => {
    const health = (Health: unknown) => described({ State: { Status: 'running', Health } }).description.state.health;
    assert.equal(health({ Status: '', FailingStreak: 0 }), undefined);
    assert.equal(health({ Status: 'none', FailingStreak: 0 }), undefined);
    assert.deepEqual(health({ Status: 'unhealthy', FailingStreak: 3 }), { status: 'unhealthy', failingStreak: 3 });
  });

  it('keeps the times of creation and start to the nanosecond', () => {
    const at = '2026-11-26T18:06:49.316262991Z';
    const { createdAt, createdAtExtraNs, state } = described({
      Created: at,
      State: { Status: 'running', Running: true, StartedAt: '2026-11-26T18:06:49.9356588+00:00' },
    }).description;
    const second = Date.parse('2026-11-26T18:06:49Z') * 1000;
    assert.deepEqual([createdAt, createdAtExtraNs], [second + 316_262, 991]);
    assert.deepEqual([state.startedAt, state.startedAtExtraNs], [second + 935_658, 800]);
  });

  it('keeps earlier health states with their times', () => {
    const next = (Status: string, previousHealth: ContainerHealth | undefined, now: number) =>
      described({ State: { Status: 'running', Health: { Status } } }, {}, { ...nothing, previousHealth, now })
        .description.state.health!;
    let health = next('starting', undefined, 10);
    assert.equal(health.earlier, undefined);
    health = next('healthy', health, 20);
    health = next('healthy', health, 30);
    health = next('unhealthy', health, 40);
    assert.deepEqual(health, {
      status: 'unhealthy',
      failingStreak: 0,
      earlier: [
        { status: 'starting', until: 20 },
        { status: 'healthy', until: 40 },
      ],
    });
    for (let now = 50; now < 150; now++) health = next(now % 2 === 0 ? 'healthy' : 'unhealthy', health, now);
    assert.equal(health.earlier?.length, 16);
  });

  it('never throws, and accepts any answer with an id', () => {
    const rules = rulesOf();
    fc.assert(
      fc.property(fc.jsonValue(), fc.string(), (json, text) => {
        const context = { mountinfo: () => text, now: 0 };
        describeContainer(json, rules, context);
        for (const key of Object.keys(answer())) {
          const odd = describeContainer({ ...answer(), [key]: json, Id: 'i1' }, rules, context);
          assert.equal(odd!.description.id, 'i1');
        }
      }),
    );
  });
});

describe('time', () => {
  it('parses RFC 3339 to the microsecond', () => {
    const noon = Date.UTC(2026, 0, 2, 12) * 1000;
    assert.equal(time('2026-01-02T12:00:00Z'), noon);
    assert.equal(time('2026-01-02T14:00:00.123456789+02:00'), noon + 123_456);
    assert.equal(time('2026-01-02T12:00:00.5Z'), noon + 500_000);
    assert.equal(time('0001-01-01T00:00:00Z'), undefined);
    fc.assert(fc.property(fc.string(), (text) => void time(text)));
  });
});
