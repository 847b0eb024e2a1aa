// A systemd unit below a slice with a limit, and a container of Docker with one of its own, run out of memory in the
// virtual machine while two agents look on: one that reads the kernel log, and one that may not.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ask, CGROUPS, get, newestOf, startUnit, until } from './numbers.mjs';

const SLICE = 'tallyman-tight.slice';
const LIMIT = '24M';
const TRIGGER = 'feed';
const pipe = (directory) => `mkfifo ${directory}/${TRIGGER}`;
const wait = (directory) => `read word <${directory}/${TRIGGER}`;
const EAT = 'dd if=/dev/zero of=/dev/null bs=64M count=1';
const TYPES = ['oom', 'oomKill', 'containerDeletion'];

/** Starts both; they do nothing until they are fed. The unit survives its process, the container does not. */
export async function startHungry() {
  execFileSync('systemctl', ['set-property', '--runtime', SLICE, `MemoryMax=${LIMIT}`]);
  const unit = await startUnit('tallyman-hungry', {
    script: [pipe('/var/tmp'), 'echo >$FILE.done', wait('/var/tmp'), EAT, 'exec sleep 100000'],
    properties: { Slice: SLICE, OOMPolicy: 'continue' },
  });
  // The first process to die is a child: an engine that hears of a kill only after the container's end may miss it.
  const script = `${pipe('')}; ${wait('')}; ${EAT}; sleep 1; exec ${EAT}`;
  const flags = ['-d', '--name=hungry', `--memory=${LIMIT}`, '--label=com.acme.tier=hungry'];
  const id = execFileSync('docker', ['run', ...flags, 'busybox:1', 'sh', '-c', script], { encoding: 'utf8' }).trim();
  return { unit, slice: unit.replace(/\/[^/]*$/, ''), container: `/system.slice/docker-${id}.scope`, id };
}

/** Lets both run out of memory, and gives what each agent reported about it by the name of the agent. */
export async function starve(hungry, agents) {
  const pid = inspect(hungry.id, 'Pid');
  for (const directory of ['/var/tmp', `/proc/${pid}/root`]) writeFileSync(join(directory, TRIGGER), '\n');
  const reported = {};
  for (const [name, url] of Object.entries(agents)) {
    await until(`${name} to report about both`, async () => {
      const events = await eventsOf(url, hungry);
      const has = (container, type) => events.some((event) => event.container === container && event.type === type);
      return has('slice', 'oomKill') && has('container', 'containerDeletion') && (await killsOf(url, hungry)) > 0;
    });
    reported[name] = {
      events: await eventsOf(url, hungry),
      kills: await killsOf(url, hungry),
      metrics: await metricsOf(url, hungry),
    };
  }
  const kernel = Number(/^oom_kill (\d+)$/m.exec(readFileSync(join(CGROUPS, hungry.unit, 'memory.events'), 'utf8'))[1]);
  return {
    kernel,
    engine: { oomKilled: inspect(hungry.id, 'OOMKilled'), exitCode: inspect(hungry.id, 'ExitCode') },
    reported,
  };
}

const inspect = (id, field) =>
  JSON.parse(execFileSync('docker', ['inspect', '-f', `{{json .State.${field}}}`, id], { encoding: 'utf8' }));

/** Events about kills and ends, oldest first, with `unit`, `slice` and `container` for the names of the three. */
async function eventsOf(url, hungry) {
  const names = Object.fromEntries(['unit', 'slice', 'container'].map((key) => [hungry[key], key]));
  const events = await get('/api/v1.3/events/?all_events=true&subcontainers=true&max_events=-1', url);
  return events
    .filter(({ event_type }) => TYPES.includes(event_type))
    .map(({ container_name, event_type, event_data }) => ({
      container: names[container_name] ?? container_name,
      type: event_type,
      process: event_data.oom?.process_name,
      exitCode: event_data.container_deletion?.exit_code,
    }));
}

/** `oom_events` of the unit's newest sample. */
const killsOf = async (url, { unit }) => (await newestOf['v1.3'](unit, undefined, url)).oom_events ?? 0;

/** The series about kills, by the name of the series and of the three. */
async function metricsOf(url, hungry) {
  const text = await (await ask(`${url}/metrics`)).text();
  const series = [...text.matchAll(/^(container_oom_\w+)\{(?:[^}]*,)?id="([^"]*)"[^}]*\} (\d+)/gm)];
  return Object.fromEntries(
    series.flatMap(([, metric, id, value]) => {
      const key = ['unit', 'slice', 'container'].find((one) => hungry[one] === id);
      return key === undefined ? [] : [[`${metric} ${key}`, Number(value)]];
    }),
  );
}
