// Units in trouble in the virtual machine, what `why` names first for each, and the capsules of what ended badly.
import { execFileSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { readdirSync, readFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { stateOf, stopAgent } from './agents.mjs';
import { AGENT, ask, get, startUnit, until } from './numbers.mjs';

const HEALTHY = 'tallyman-plain.service';
/** The finding that is to come first, by unit or container. The first and the last unit were started for other parts of the test. */
const EXPECTED = {
  'tallyman-busy.service': 'cpu-throttled',
  'tallyman-thrashing.service': 'memory-reclaim',
  'tallyman-full.service': 'pids-near-limit',
  'tallyman-looping.service': 'restart-loop',
  'tallyman-filling.service': 'disk-filling',
  'small-mtu': 'network-errors',
  'tallyman-hungry.service': 'oom-killed',
};
/** What gets the same and is well, by finding; `HEALTHY` for the others. */
const TWINS = { 'disk-filling': 'tallyman-writing.service', 'network-errors': 'same-mtu' };
const SMALL_DISK = '/var/tmp/small-disk';
const PACKET_BYTES = 1400;
const PACKET_INTERVAL_MS = 50;
/** More than one, so that some are left when the first one is being written. */
const REQUESTS = 8;
const WRITE_LIMIT_MS = 60_000;
export const RECORDER = 'recorder: { maxPerMinute: 1000 }\n';

/** Mounts a small filesystem. Before the agent starts: it looks for new ones every few minutes only. */
export function mountSmallDisk() {
  execFileSync('truncate', ['-s', '64M', `${SMALL_DISK}.img`]);
  execFileSync('mkfs.ext4', ['-q', '-m', '0', `${SMALL_DISK}.img`]);
  execFileSync('mkdir', ['-p', SMALL_DISK]);
  execFileSync('mount', ['-o', 'loop', `${SMALL_DISK}.img`, SMALL_DISK]);
}

/** A unit that fills it, and one that writes as much to another one, over and over into one file. */
async function startWriters() {
  const write = (file) => [
    'echo >$FILE.done; i=0',
    `while :; do i=$((i+1)); dd if=/dev/zero of=${file} bs=512k count=1 conv=fsync; sleep 2; done`,
  ];
  const properties = { IOAccounting: 'yes' };
  await startUnit('tallyman-filling', { script: write(`${SMALL_DISK}/file$i`), properties });
  await startUnit('tallyman-writing', { script: write('$FILE'), properties });
}

/** Sends packets of one size to two containers, to one of them larger than its MTU. @returns how to end that */
function startPackets() {
  const addresses = [];
  for (const [name, mtu] of [
    ['small-mtu', '600'],
    ['same-mtu', '1500'],
  ]) {
    execFileSync('docker', ['run', '-d', `--name=${name}`, '--network=none', 'busybox:1', 'sleep', '100000']);
    const pid = execFileSync('docker', ['inspect', '-f', '{{.State.Pid}}', name], { encoding: 'utf8' }).trim();
    const ip = (...args) => execFileSync('ip', args);
    const inside = (...args) => execFileSync('nsenter', ['--target', pid, '--net', 'ip', ...args]);
    const network = `10.214.${addresses.length}`;
    ip('link', 'add', name, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', pid);
    ip('addr', 'add', `${network}.1/24`, 'dev', name);
    ip('link', 'set', name, 'up');
    inside('addr', 'add', `${network}.2/24`, 'dev', 'eth0');
    inside('link', 'set', 'eth0', 'mtu', mtu, 'up');
    addresses.push(`${network}.2`);
  }
  const socket = createSocket('udp4').on('error', () => {});
  const timer = setInterval(() => {
    for (const address of addresses) socket.send(Buffer.alloc(PACKET_BYTES), 9, address);
  }, PACKET_INTERVAL_MS);
  return () => {
    clearInterval(timer);
    socket.close();
    execFileSync('docker', ['rm', '-f', 'small-mtu', 'same-mtu']);
  };
}

/** The rules of the findings of each unit, the worst first, and of one that is well; asked until the expected one leads. */
export async function compareTrouble() {
  await startUnit('tallyman-full', {
    script: ['for i in 1 2 3 4 5; do sleep 100000 & done; echo >$FILE.done; wait'],
    properties: { TasksMax: '6' },
  });
  const restart = ['Restart=always', 'RestartSec=1s', 'StartLimitIntervalSec=0'].map((each) => `--property=${each}`);
  execFileSync('systemd-run', ['--quiet', '--unit=tallyman-looping', ...restart, 'bash', '-c', 'sleep 1; exit 3']);
  await startUnit('tallyman-thrashing', {
    script: [
      'head -c 36000000 /dev/zero >$FILE; sync $FILE; echo >$FILE.done',
      'while :; do cat $FILE >/dev/null; sleep 0.2; done',
    ],
    properties: { MemoryHigh: '12M' },
  });
  await startWriters();
  const endPackets = startPackets();
  const named = {};
  for (const [unit, rule] of Object.entries(EXPECTED)) {
    let answer;
    try {
      await until(`${rule} of ${unit}`, async () => {
        // A unit that is about to be started again may be unknown for a moment.
        answer = await ask(`${AGENT}/api/why/${unit}`);
        named[unit] = answer.ok ? (await answer.json()).findings.map((finding) => finding.rule) : [];
        return named[unit][0] === rule;
      });
    } catch (error) {
      throw new Error(`${error.message}; the last answer was ${answer?.status} ${await answer?.text()}`);
    }
  }
  const healthy = {};
  for (const rule of Object.values(EXPECTED)) {
    const { findings, looked_at } = await get(`/api/why/${TWINS[rule] ?? HEALTHY}`);
    const rules = (list) => list.map((one) => one.rule);
    healthy[rule] = { found: rules(findings), lookedAt: rules(looked_at) };
  }
  execFileSync('systemctl', [
    'stop',
    ...['looping', 'thrashing', 'filling', 'writing'].map((unit) => `tallyman-${unit}`),
  ]);
  execFileSync('umount', [SMALL_DISK]);
  endPackets();
  return { named, healthy };
}

/** Starts the container that will end while its engine is dead. */
export const startOrphan = (name) =>
  execFileSync('docker', ['run', '-d', `--name=${name}`, '--network=none', 'busybox:1', 'sleep', '100000']);

/** Kills a container, and Docker with another one, and waits for a capsule of each. @returns their reasons by label */
export async function capsulesOf(killed, orphan, ...others) {
  const pid = Number(execFileSync('docker', ['inspect', '-f', '{{.State.Pid}}', orphan], { encoding: 'utf8' }));
  execFileSync('docker', ['kill', killed]);
  const reasons = {};
  const has = async (label) => {
    const { capsules } = await get('/api/capsules');
    const own = capsules.filter((one) => one.label === label);
    reasons[label] = own.flatMap((one) => one.reasons.map(({ kind }) => kind));
    return reasons[label].length > 0;
  };
  await until(`a capsule of ${killed}`, () => has(killed));
  execFileSync('systemctl', ['kill', '--signal=SIGKILL', '--kill-whom=main', 'docker.service']);
  process.kill(pid, 'SIGKILL');
  for (const label of [orphan, ...others]) await until(`a capsule of ${label}`, () => has(label));
  return reasons;
}

/** Kills an agent while it writes capsules. @returns which of its files are whole, and which the command lists */
export async function killWhileWriting(agent, name, url) {
  const directory = join(stateOf(name), 'capsules');
  const asked = Array.from({ length: REQUESTS }, () =>
    ask(`${url}/api/record/${HEALTHY}`, { method: 'POST' }).catch(() => {}),
  );
  const isUnfinished = (file) => file.endsWith('.new');
  for (const deadline = Date.now() + WRITE_LIMIT_MS; !(await readdir(directory)).some(isUnfinished); ) {
    if (Date.now() > deadline) throw new Error(`no capsule was being written in ${directory}`);
  }
  await stopAgent(agent, 'SIGKILL');
  await Promise.all(asked);
  const files = readdirSync(directory).filter((file) => !isUnfinished(file));
  const isWhole = (file) => /"kind":"end"[^\n]*\n?$/.test(gunzipSync(readFileSync(join(directory, file))).toString());
  const env = { ...process.env, TALLYMAN_RUNTIME_DIRECTORY: '/run/nobody', TALLYMAN_STATE_DIRECTORY: stateOf(name) };
  const listed = execFileSync('node', ['dist/cli/main.js', 'capsules', '--json'], { env, encoding: 'utf8' });
  return {
    cut: files.filter((file) => !isWhole(file)),
    files: files.map((file) => file.replace(/\.capsule$/, '')).sort(),
    listed: JSON.parse(listed)
      .map(({ id }) => id)
      .sort(),
  };
}
