// Units in trouble in the virtual machine, what `why` names first for each, and the capsules of what ended badly.
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { stateOf, stopAgent } from './agents.mjs';
import { AGENT, ask, get, startUnit, until } from './numbers.mjs';

const HEALTHY = 'tallyman-plain.service';
/** The finding that is to come first, by unit. The first and the last one were started for other parts of the test. */
const EXPECTED = {
  'tallyman-busy.service': 'cpu-throttled',
  'tallyman-thrashing.service': 'memory-reclaim',
  'tallyman-full.service': 'pids-near-limit',
  'tallyman-looping.service': 'restart-loop',
  'tallyman-hungry.service': 'oom-killed',
};
/** More than one, so that some are left when the first one is being written. */
const REQUESTS = 8;
const WRITE_LIMIT_MS = 60_000;
export const RECORDER = 'recorder: { maxPerMinute: 1000 }\n';

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
  const { findings, looked_at } = await get(`/api/why/${HEALTHY}`);
  execFileSync('systemctl', ['stop', 'tallyman-looping', 'tallyman-thrashing']);
  return { named, healthy: findings.map(({ rule }) => rule), lookedAt: looked_at.map(({ rule }) => rule) };
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
