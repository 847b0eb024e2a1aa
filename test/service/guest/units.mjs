// What the agent reports about systemd's units, beside what `systemctl show` says of them at that moment.
import { execFileSync } from 'node:child_process';
import { AGENT, ask, get, until } from './numbers.mjs';

const PROPERTIES = ['Id', 'Description', 'ControlGroup', 'NRestarts', 'ActiveState'];
const RESTARTING = 'tallyman-restarting';
const FROZEN = 'tallyman-plain.service';
/** Its name has a dash that systemd escapes, and its description a character that is none of ASCII. */
const ESCAPED = 'tallyman-escaped\\x2dname.service';

/** Starts a unit that fails twice and then stays, and one with an escaped name. */
export function startNamedUnits() {
  const script =
    'n=$(cat /run/restarts 2>/dev/null || echo 0); echo $((n + 1)) >/run/restarts; [ $n -ge 2 ] && exec sleep 100000; exit 3';
  const restart = ['Restart=always', 'RestartSec=100ms', 'StartLimitIntervalSec=0'].map((each) => `--property=${each}`);
  execFileSync('systemd-run', ['--quiet', `--unit=${RESTARTING}`, ...restart, 'bash', '-c', script]);
  execFileSync('systemd-run', ['--quiet', `--unit=${ESCAPED}`, '--description=Grüße', 'sleep', '100000']);
}

/** Units that run all the time while they are compared. */
export async function compareUnits() {
  await until('the restarts of a unit', () => show(`${RESTARTING}.service`).NRestarts === '2');
  const compare = async () => {
    const answer = await get('/api/v2.1/spec?type=systemd&recursive=true');
    const metrics = await metricsOf();
    return Object.entries(answer)
      .filter(([, { labels }]) => labels['systemd.uid'] === undefined)
      .map(([cgroup, { aliases, labels }]) => ({
        cgroup,
        aliases,
        unit: labels['systemd.unit'],
        description: labels['systemd.description'],
        ...metrics[cgroup],
        shown: show(labels['systemd.unit']),
      }));
  };
  let units = [];
  await until('restarts and descriptions', async () => {
    units = await compare();
    const restarting = units.find(({ unit }) => unit === `${RESTARTING}.service`);
    return restarting?.restarts === 2 && units.find(({ unit }) => unit === ESCAPED)?.description !== undefined;
  });
  const [path] = units.filter(({ unit }) => unit === FROZEN).map(({ cgroup }) => cgroup);
  const state = async () => (await metricsOf())[path]?.state;
  execFileSync('systemctl', ['freeze', FROZEN]);
  await until('the frozen unit', async () => (await state()) === 'paused');
  execFileSync('systemctl', ['thaw', FROZEN]);
  await until('the thawed unit', async () => (await state()) === 'running');
  const users = Object.values(await get('/api/v2.1/spec?type=systemd&recursive=true'));
  return {
    units,
    ofUsers: users.filter(({ labels }) => labels['systemd.uid'] === '1000').map(({ aliases }) => aliases[0]),
  };
}

function show(unit) {
  const text = execFileSync('systemctl', ['show', `--property=${PROPERTIES}`, '--', unit], { encoding: 'utf8' });
  return Object.fromEntries(
    text
      .trim()
      .split('\n')
      .map((line) => [line.split('=')[0], line.slice(line.indexOf('=') + 1)]),
  );
}

/** State and restarts by cgroup. */
async function metricsOf() {
  const text = await (await ask(`${AGENT}/metrics`)).text();
  const found = {};
  for (const [, id, name, state] of text.matchAll(
    /^container_state\{id="([^"]*)",[^}]*?name="([^"]*)"[^}]*state="(\w+)"\} 1$/gm,
  )) {
    found[id.replaceAll('\\\\', '\\')] = { name, state };
  }
  for (const [, id, restarts] of text.matchAll(/^container_restarts_total\{id="([^"]*)"[^}]*\} (\d+)$/gm)) {
    const cgroup = id.replaceAll('\\\\', '\\');
    found[cgroup] = { ...found[cgroup], restarts: Number(restarts) };
  }
  return found;
}
