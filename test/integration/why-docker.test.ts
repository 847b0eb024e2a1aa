// Trouble of Docker containers made for real: `why` names it first, and nothing of the kind for a healthy twin.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { AgentProcess } from '../support/agent-process.js';
import { Bridge } from '../support/bridge.js';
import { DockerEngine, IMAGE } from '../support/docker-engine.js';
import { DOCKER_ENGINE, needs } from '../support/needs.js';

const run = promisify(execFile);
const MIB = 2 ** 20;
const PORT = 8080;

interface Why {
  readonly findings: readonly {
    readonly rule: string;
    readonly what: string;
    readonly evidence: readonly { readonly text: string; readonly values: Readonly<Record<string, number>> }[];
    readonly lines: readonly { readonly tool: string; readonly line: string }[];
  }[];
  readonly looked_at: readonly { readonly rule: string }[];
}

/** A small filesystem in a file, mounted. */
class LoopFilesystem {
  readonly directory = mkdtempSync('/var/tmp/tallyman-test-disk-');
  readonly mountpoint = join(this.directory, 'mounted');

  async mount(bytes: number): Promise<void> {
    const image = join(this.directory, 'image');
    writeFileSync(image, '');
    truncateSync(image, bytes);
    await run('mkfs.ext4', ['-q', '-m', '0', image]);
    await run('mkdir', [this.mountpoint]);
    await run('mount', ['-o', 'loop', image, this.mountpoint]);
  }

  async remove(): Promise<void> {
    await run('umount', [this.mountpoint]);
    rmSync(this.directory, { recursive: true });
  }
}

describe('why, of Docker containers in trouble', { skip: needs(...DOCKER_ENGINE, 'ip', 'nsenter') }, () => {
  const disk = new LoopFilesystem();
  const clients: Socket[] = [];
  let bridge: Bridge;
  let engine: DockerEngine;
  let agent: AgentProcess;

  before(async () => {
    bridge = await Bridge.create();
    await disk.mount(256 * MIB);
    engine = await DockerEngine.start([...bridge.engineFlags, `--data-root=${disk.mountpoint}`]);
    agent = await AgentProcess.start(`
housekeeping: { interval: 500ms, maxInterval: 500ms }
plugins:
  - { use: docker, with: { endpoint: '${engine.endpoint}' } }
  - { use: podman, enabled: false }
  - { use: disk, with: { interval: 1s } }
  - { use: advtcp }
  - { use: raw, with: { include: [/] } }
`);
  });
  after(async () => {
    for (const client of clients) client.destroy();
    await agent?.stop();
    await engine?.stop();
    await disk.remove();
    await bridge?.remove();
  });

  /**
   * Waits until the first finding is of this rule and fits, and checks that the twin has none of it though it was looked
   * for.
   */
  const isNamedFirst = async (
    rule: string,
    name: string,
    twin: string,
    fits: (finding: Why['findings'][number]) => boolean = () => true,
  ) => {
    const { findings } = await agent.until<Why>(
      `/api/why/${name}`,
      ({ findings: [first] }) => first?.rule === rule && fits(first),
      `${rule} of ${name}`,
    );
    const healthy = await agent.json<Why>(`/api/why/${twin}`);
    assert.ok(
      healthy.looked_at.some((looked) => looked.rule === rule),
      `${rule} was not looked for`,
    );
    assert.ok(!healthy.findings.some((finding) => finding.rule === rule), `${rule} of ${twin}`);
    return findings[0]!;
  };

  it('names a container whose accept queue overflows', async () => {
    const pids: Record<string, number> = {};
    for (const name of ['stuck', 'serving']) {
      await engine.cli('run', '-d', `--name=${name}`, IMAGE, 'nc', '-ll', '-p', String(PORT), '-e', 'cat');
      pids[name] = Number(await engine.inspect(name, '.State.Pid'));
      await agent.until(`/api/v1.3/docker/${name}`, () => true, name);
    }
    process.kill(pids.stuck!, 'SIGSTOP');
    const open = async (name: string) => {
      const client = connect(PORT, await engine.inspect(name, '.NetworkSettings.IPAddress')).on('error', () => {});
      clients.push(client);
      return client;
    };
    for (let i = 0; i < 6; i++) await open('stuck');
    for (let i = 0; i < 6; i++) {
      const client = await open('serving');
      // One after the other: its queue is as short.
      client.write('x');
      await once(client, 'data');
    }
    const { evidence } = await isNamedFirst('listen-overflows', 'stuck', 'serving');
    assert.match(evidence[0]!.text, /connections dropped/);
    process.kill(pids.stuck!, 'SIGCONT');
  });

  it('names a container whose interface drops packets, which are larger than its MTU', async () => {
    for (const name of ['small-mtu', 'same-mtu'])
      await engine.cli('run', '-d', `--name=${name}`, IMAGE, 'sleep', '100000');
    const pid = await engine.inspect('small-mtu', '.State.Pid');
    await run('nsenter', ['--target', pid, '--net', 'ip', 'link', 'set', 'eth0', 'mtu', '600']);
    const socket = createSocket('udp4').on('error', () => {});
    const addresses = new Map<string, string>();
    for (const name of ['small-mtu', 'same-mtu'])
      addresses.set(name, await engine.inspect(name, '.NetworkSettings.IPAddress'));
    const flood = setInterval(() => {
      for (const address of addresses.values()) socket.send(Buffer.alloc(1400), 9, address);
    }, 20);
    try {
      const { evidence, lines } = await isNamedFirst('network-errors', 'small-mtu', 'same-mtu');
      assert.match(evidence[0]!.text, /^eth0: \d+ dropped and 0 damaged of \d+ packets received/);
      assert.match(lines[0]!.line, new RegExp(`^nsenter --target ${pid} --net ip -s -s link`));
    } finally {
      clearInterval(flood);
      socket.close();
    }
  });

  it('names a container whose tunnel leads nowhere, so that each packet fails', { skip: needs('vxlan') }, async () => {
    const flood = "setInterval(() => socket.send('x', 9, '198.51.100.2', () => {}), 20)";
    const script = `const socket = require('node:dgram').createSocket('udp4'); ${flood}`;
    const floods = [];
    try {
      for (const name of ['cut-off', 'connected']) {
        await engine.cli('run', '-d', `--name=${name}`, IMAGE, 'sleep', '100000');
        const inside = ['--target', await engine.inspect(name, '.State.Pid'), '--net'];
        const ip = (...args: string[]) => run('nsenter', [...inside, 'ip', ...args]);
        await ip('link', 'add', 'eth1', 'type', 'vxlan', 'id', '7', 'remote', '203.0.113.7', 'dstport', '4789');
        await ip('addr', 'add', '198.51.100.1/24', 'dev', 'eth1');
        await ip('link', 'set', 'eth1', 'up');
        await ip('neigh', 'add', '198.51.100.2', 'lladdr', '02:00:00:00:00:01', 'dev', 'eth1');
        if (name === 'cut-off') await ip('route', 'add', 'unreachable', '203.0.113.7');
        floods.push(spawn('nsenter', [...inside, process.execPath, '-e', script], { stdio: 'inherit' }));
      }
      const { what, evidence } = await isNamedFirst('network-errors', 'cut-off', 'connected');
      assert.equal(what, 'loses packets on eth1');
      assert.match(evidence[0]!.text, /^eth1: 0 dropped and \d{2,} damaged of \d+ packets sent/);
    } finally {
      for (const each of floods) each.kill();
    }
  });

  it('names a container that fills its filesystem, and when that will be full', async () => {
    const fill = 'i=0; while :; do i=$((i+1)); dd if=/dev/zero of=/file$i bs=1M count=2; sleep 1; done';
    await engine.run('--name=filling', IMAGE, 'sh', '-c', fill);
    await engine.run('--name=not-filling', IMAGE);
    // The rate is an average, which the time before the first file makes too low at first.
    const { what, evidence, lines } = await isNamedFirst('disk-filling', 'filling', 'not-filling', (finding) => {
      return finding.evidence[1]!.values.seconds_until_full! < 1800;
    });
    assert.match(what, /^fills the filesystem that it writes to: \/dev\/loop\d+$/);
    assert.match(evidence[1]!.text, /full in .* at this rate$/);
    assert.ok(evidence[1]!.values.seconds_until_full! > 5);
    assert.deepEqual(lines[0], { tool: 'docker', line: 'docker diff filling' });
    await engine.cli('kill', 'filling');
  });

  it('names a container that ends and is started again and again', async () => {
    await engine.run('--name=looping', '--restart=always', IMAGE, 'sh', '-c', 'exit 3');
    await engine.run('--name=not-looping', '--restart=always', IMAGE);
    const { evidence } = await isNamedFirst('restart-loop', 'looping', 'not-looping');
    assert.match(evidence[0]!.text, /exit code 3/);
  });
});
