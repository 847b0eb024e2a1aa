import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import type { EngineInfo, EngineReport, Finding } from '../../../kernel/contracts/index.js';
import { diagnose } from './diagnosis.js';

const INFO = {
  version: '28.0',
  apiVersion: '1.48',
  storageDriver: 'overlay2',
  storageStatus: [] as EngineInfo['storageStatus'],
} as EngineInfo;
const report = (rest: Partial<EngineReport>): EngineReport => ({
  runtime: 'docker',
  endpoint: 'unix:///var/run/docker.sock',
  ...rest,
});
const DOCKER = { plugin: 'docker', root: '/nonexistent', defaultEndpoint: 'unix:///var/run/docker.sock' };
const PODMAN = { plugin: 'podman', root: '/nonexistent', defaultEndpoint: 'unix:///run/podman/podman.sock' };
const found = (reports: readonly EngineReport[], root = '/nonexistent') =>
  diagnose(reports, { ...DOCKER, root }).map(({ id, severity }) => `${severity} ${id}`);

it('a healthy engine has no findings', () => {
  assert.deepEqual(found([report({ info: INFO })]), []);
  assert.deepEqual(found([report({ info: { ...INFO, apiVersion: '' } })]), []);
});

it('an unreachable engine has a finding with the command that fixes it', () => {
  const denied = diagnose([report({ reason: 'unix:///x: permission denied (EACCES)' })], DOCKER)[0]!;
  assert.equal(denied.id, 'docker-denied');
  assert.equal(
    denied.mend,
    'tallyman service privileges && systemctl restart tallyman; without the service: run the agent in the group docker',
  );
  const elsewhere = report({ endpoint: 'unix:///srv/docker.sock', reason: 'permission denied (EACCES)' });
  const [other] = diagnose([elsewhere], DOCKER);
  assert.match(other!.mend, /^chgrp tallyman \/srv\/docker\.sock && chmod g\+rw \/srv\/docker\.sock, or /);
  assert.deepEqual(found([report({ reason: 'no such socket (ENOENT)' })]), ['info docker-absent']);
  assert.deepEqual(found([report({ reason: 'nothing listens (ECONNREFUSED)' })]), ['error docker-unreachable']);
});

it('a Podman socket of root has a finding with the drop-in that gives access', () => {
  const endpoint = 'unix:///run/podman/podman.sock';
  const reason = 'unix:///run/podman/podman.sock: permission denied (EACCES)';
  const [denied] = diagnose([report({ runtime: 'podman', endpoint, reason })], PODMAN);
  assert.equal(
    denied!.mend,
    'install -D -m 644 /usr/lib/tallyman/config/systemd/podman.socket.d/tallyman.conf -t /etc/systemd/system/podman.socket.d && systemctl daemon-reload && systemctl restart podman.socket',
  );
});

it('an unreachable engine on the network has a finding without a command for this host', () => {
  const endpoint = 'tcp://192.0.2.7:2375';
  const reason = `${endpoint}: nothing listens there; is the engine started? (ECONNREFUSED)`;
  const [refused] = diagnose([report({ endpoint, reason })], DOCKER);
  assert.deepEqual([refused!.id, refused!.severity], ['docker-unreachable', 'error']);
  assert.equal(
    refused!.mend,
    `have dockerd on that host listen on ${endpoint} (its option --host), or set endpoint of the plugin docker to where it does`,
  );
});

it('a missing socket is an error when configured and information when it is the default', () => {
  const endpoint = 'unix:///srv/docker.sock';
  const [missing] = diagnose([report({ endpoint, reason: 'no such socket (ENOENT)' })], DOCKER);
  assert.deepEqual([missing!.id, missing!.severity], ['docker-absent', 'error']);
  assert.equal(
    missing!.mend,
    `start the engine that listens on ${endpoint}, or set endpoint of the plugin docker to where it does`,
  );
});

it('the socket of a user has commands for that user', () => {
  const mendOf = (reason: string) => {
    const endpoint = 'unix:///run/user/1000/podman/podman.sock';
    return diagnose([report({ runtime: 'podman', endpoint, reason })], PODMAN)[0]!.mend;
  };
  const [directory, socket] = ['/run/user/1000', '/run/user/1000/podman/podman.sock'];
  assert.equal(
    mendOf('permission denied (EACCES)'),
    `as user 1000: setfacl -m u:tallyman:x ${directory} && setfacl -m u:tallyman:x ${directory}/podman && setfacl -m u:tallyman:rw ${socket}; for good: docs/privileges.md`,
  );
  assert.match(
    mendOf('no such socket (ENOENT)'),
    /^loginctl enable-linger 1000; as user 1000: systemctl --user enable/,
  );
  assert.equal(mendOf('nothing listens (ECONNREFUSED)'), 'as user 1000: systemctl --user restart podman');
});

it('an engine that is too old has a finding, by version order', () => {
  assert.deepEqual(found([report({ info: { ...INFO, apiVersion: '1.9' } })]), ['warning docker-outdated']);
  assert.deepEqual(found([report({ info: { ...INFO, apiVersion: '1.25' } })]), []);
});

it('a socket that is missing in the agent’s container has a finding with the mount', () => {
  const root = mkdtempSync(join(tmpdir(), `tallyman-test-${process.pid}-`));
  try {
    mkdirSync(join(root, 'run'), { recursive: true });
    writeFileSync(join(root, 'run/docker.sock'), '');
    const absent = report({ reason: 'no such socket (ENOENT)' });
    const [{ id, severity, mend }] = diagnose([absent], { ...DOCKER, root }) as [Finding];
    assert.deepEqual([id, severity], ['docker-absent', 'warning']);
    assert.equal(mend, 'docker run --volume=/var/run/docker.sock:/var/run/docker.sock:ro …');
  } finally {
    rmSync(root, { recursive: true });
  }
});

it('storage drivers and snapshotters whose layers cannot be measured have a finding', () => {
  const driver = (storageDriver: string, value = '') =>
    diagnose([report({ info: { ...INFO, storageDriver, storageStatus: [{ name: 'driver-type', value }] } })], DOCKER);
  assert.deepEqual(driver('overlayfs', 'io.containerd.snapshotter.v1'), []);
  assert.match(driver('stargz', 'io.containerd.snapshotter.v1')[0]!.what, /the snapshotter of docker, stargz,/);
  assert.match(driver('btrfs')[0]!.mend, /"storage-driver": "overlay2"/);
});

it('engines of users that are not configured have a finding', () => {
  const root = mkdtempSync(join(tmpdir(), `tallyman-test-${process.pid}-`));
  try {
    mkdirSync(join(root, 'run/user/1000'), { recursive: true });
    writeFileSync(join(root, 'run/user/1000/docker.sock'), '');
    const [rootless] = diagnose([report({ info: INFO })], { ...DOCKER, root });
    assert.equal(rootless!.id, 'docker-rootless');
    assert.equal(
      rootless!.mend,
      'plugins: [{ use: docker, with: { endpoint: [unix:///var/run/docker.sock, unix:///run/user/1000/docker.sock] } }]',
    );
    const asked = report({ endpoint: 'unix:///run/user/1000/docker.sock', info: INFO });
    assert.deepEqual(found([asked], root), []);
  } finally {
    rmSync(root, { recursive: true });
  }
});
