// What the guests' scripts share: units that leave traces, questions to the agent, and the kernel's numbers beside its.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';

export const CGROUPS = '/sys/fs/cgroup';
export const AGENT = 'http://127.0.0.1:8080';
const PATIENCE_MS = 150_000;
/** Each question costs the emulated machine much. */
const INTERVAL_MS = 300;

/** Leaves a trace in every controller. `resting` then sleeps, so that its numbers stand still; `busy` burns on. */
export const trace = [
  'dd if=/dev/zero of=$FILE bs=64k count=32 conv=fsync',
  'i=0; while [ $i -lt 20000 ]; do i=$((i + 1)); done',
  'x=$(head -c 3000000 /dev/zero | tr "\\0" x)',
  'echo >$FILE.done',
];
export async function until(what, condition) {
  const deadline = Date.now() + PATIENCE_MS;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`waited in vain for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, INTERVAL_MS));
  }
}

export async function startUnit(name, { script, properties }) {
  const flags = Object.entries(properties).map(([key, value]) => `--property=${key}=${value}`);
  const text = script.join('\n').replaceAll('$FILE', `/var/tmp/${name}`);
  execFileSync('systemd-run', ['--quiet', `--unit=${name}`, ...flags, '/bin/bash', '-c', text]);
  await until(`${name} to do its work`, () => existsSync(`/var/tmp/${name}.done`));
  return execFileSync('systemctl', ['show', '--value', '--property=ControlGroup', name], { encoding: 'utf8' }).trim();
}

/** As `fetch`, which costs an emulated machine seconds to load. */
export function ask(url, { method = 'GET', body } = {}) {
  return new Promise((resolve, reject) => {
    const asked = request(url, { method, agent: false }, (response) => {
      let content = '';
      response.setEncoding('utf8').on('data', (text) => {
        content += text;
      });
      response.on('end', () => {
        const { statusCode: status } = response;
        const ok = status >= 200 && status < 300;
        resolve({ status, ok, text: async () => content, json: async () => JSON.parse(content) });
      });
      response.on('error', reject);
    });
    asked.on('error', reject).end(body);
  });
}

export async function get(path, url = AGENT, body = undefined) {
  const response = await ask(`${url}${path}`, body && { method: 'POST', body: JSON.stringify(body) });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return response.json();
}

const text = (cgroup, file) => readFileSync(join(CGROUPS, cgroup, file), 'utf8').trim();
const number = (cgroup, file) => (text(cgroup, file) === 'max' ? Number.POSITIVE_INFINITY : Number(text(cgroup, file)));
const keyed = (cgroup, file) =>
  Object.fromEntries(
    text(cgroup, file)
      .split('\n')
      .map((line) => line.split(' '))
      .map(([key, value]) => [key, Number(value)]),
  );

/** The numbers of a sample, by their place in the API's answer, taken from the kernel's files. */
function kernelStats(cgroup, { pid, processes }) {
  const cpu = keyed(cgroup, 'cpu.stat');
  const memory = keyed(cgroup, 'memory.stat');
  const events = keyed(cgroup, 'memory.events');
  const usage = number(cgroup, 'memory.current');
  const numbers = {
    'cpu.usage.total': cpu.usage_usec * 1000,
    'cpu.usage.user': cpu.user_usec * 1000,
    'cpu.usage.system': cpu.system_usec * 1000,
    'cpu.cfs.periods': cpu.nr_periods,
    'cpu.cfs.throttled_periods': cpu.nr_throttled,
    'cpu.cfs.throttled_time': cpu.throttled_usec * 1000,
    'cpu.cfs.bursts_periods': cpu.nr_bursts,
    'cpu.cfs.burst_time': cpu.burst_usec * 1000,
    'memory.usage': usage,
    'memory.max_usage': number(cgroup, 'memory.peak'),
    'memory.cache': memory.file,
    'memory.rss': memory.anon,
    'memory.swap': number(cgroup, 'memory.swap.current'),
    'memory.mapped_file': memory.file_mapped,
    'memory.working_set': Math.max(0, usage - memory.inactive_file),
    'memory.total_active_file': memory.active_file,
    'memory.total_inactive_file': memory.inactive_file,
    'memory.file_dirty': memory.file_dirty,
    'memory.file_writeback': memory.file_writeback,
    'memory.pgscan': memory.pgscan,
    'memory.pgsteal': memory.pgsteal,
    'memory.workingset_refault_file': memory.workingset_refault_file,
    'memory.workingset_refault_anon': memory.workingset_refault_anon,
    'memory.kernel': memory.kernel,
    'memory.failcnt': events.max,
    'memory.events.high': events.high,
    'memory.events.max': events.max,
    'memory.container_data.pgfault': memory.pgfault,
    'memory.container_data.pgmajfault': memory.pgmajfault,
    'memory.hierarchical_data.pgfault': memory.pgfault,
  };
  if (processes) {
    numbers['processes.process_count'] = text(cgroup, 'cgroup.procs').split('\n').length;
    numbers['processes.threads_current'] = number(cgroup, 'pids.current');
    Object.assign(numbers, pagesByNode(cgroup), { referenced_memory: referencedMemory(cgroup) });
  }
  for (const [device, counters] of ioStat(cgroup)) {
    numbers[`diskio.io_service_bytes.${device}.Read`] = counters.rbytes;
    numbers[`diskio.io_service_bytes.${device}.Write`] = counters.wbytes;
    numbers[`diskio.io_serviced.${device}.Read`] = counters.rios;
    numbers[`diskio.io_serviced.${device}.Write`] = counters.wios;
  }
  return { ...numbers, ...stalls(cgroup), ...(pid !== undefined && traffic(pid)) };
}

/** Pages of each NUMA node by kind, those of the cgroups below included; the file has bytes. */
function pagesByNode(cgroup) {
  const pageSize = Number(execFileSync('getconf', ['PAGESIZE'], { encoding: 'utf8' }));
  const lines = text(cgroup, 'memory.numa_stat').matchAll(/^(file|anon|unevictable) (.*)$/gm);
  return Object.fromEntries(
    [...lines].flatMap(([, kind, nodes]) =>
      [...nodes.matchAll(/N(\d+)=(\d+)/g)].map(([, node, bytes]) => [
        `memory.hierarchical_data.numa_stats.${kind}.${node}`,
        Number(bytes) / pageSize,
      ]),
    ),
  );
}

/** What the processes touched, bytes. */
function referencedMemory(cgroup) {
  const pids = text(cgroup, 'cgroup.procs').split('\n').filter(Boolean);
  const texts = pids.map((pid) => readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'));
  return texts.reduce((sum, smaps) => sum + Number(/^Referenced: +(\d+) kB$/m.exec(smaps)[1]) * 1024, 0);
}

/** Total stall times by resource, µs: only they stand still while nothing happens. */
function stalls(cgroup) {
  const lines = Object.entries({ cpu: 'cpu', memory: 'memory', diskio: 'io' }).flatMap(([section, resource]) =>
    [...text(cgroup, `${resource}.pressure`).matchAll(/^(some|full) .*total=(\d+)$/gm)].map(([, scope, total]) => [
      `${section}.psi.${scope}.total`,
      Number(total),
    ]),
  );
  return Object.fromEntries(lines);
}

/** Counters of the interfaces in the network namespace of a process. */
function traffic(pid) {
  const lines = readFileSync(`/proc/${pid}/net/dev`, 'utf8').matchAll(/^ *(eth\d+): *(.*)$/gm);
  return Object.fromEntries(
    [...lines].flatMap(([, name, columns]) => {
      const [rxBytes, rxPackets, , , , , , , txBytes, txPackets] = columns.split(/ +/).map(Number);
      const counters = { rx_bytes: rxBytes, rx_packets: rxPackets, tx_bytes: txBytes, tx_packets: txPackets };
      return Object.entries(counters).map(([counter, value]) => [`network.${name}.${counter}`, value]);
    }),
  );
}

/** Users' own cgroups have no io controller unless the administrator delegates it. */
function ioStat(cgroup) {
  if (!existsSync(join(CGROUPS, cgroup, 'io.stat'))) return [];
  return text(cgroup, 'io.stat')
    .split('\n')
    .filter((line) => line.includes('='))
    .map((line) => {
      const [device, ...pairs] = line.split(' ');
      return [
        device,
        Object.fromEntries(pairs.map((pair) => pair.split('=')).map(([key, value]) => [key, Number(value)])),
      ];
    });
}

/** `a.b.c` of a sample; disk tables are lists, found by device, and so are interfaces, found by name. */
function apiNumber(sample, path) {
  const parts = path.split('.');
  if (parts[0] === 'network') {
    const [, name, counter] = parts;
    return sample.network?.interfaces?.find((entry) => entry.name === name)?.[counter];
  }
  if (parts[0] !== 'diskio' || parts[1] === 'psi') return parts.reduce((at, part) => at?.[part], sample);
  const [, table, device, operation] = parts;
  const [major, minor] = device.split(':').map(Number);
  return sample.diskio[table]?.find((entry) => entry.major === major && entry.minor === minor)?.stats[operation];
}

/** The newest sample by each version of the API. That of v2.0 is taken when it is asked for: the others follow it. */
export const newestOf = {
  'v2.0': async (cgroup, request, url) =>
    (await get(`/api/v2.0/stats${request}&count=1&max_age=0s`, url))[cgroup].at(-1),
  'v1.3': async (cgroup, _, url) => (await get(`/api/v1.3/containers${cgroup}`, url, { num_stats: 1 })).stats.at(-1),
  'v2.1': async (cgroup, request, url) => (await get(`/api/v2.1/stats${request}&count=1`, url))[cgroup].stats.at(-1),
};

/**
 * @param options.request path and query under which the API knows the container
 * @param options.pid one of its processes, when it has a network of its own
 * @param options.processes whether the agent counts processes, pages by node and referenced memory
 */
export async function compareStats(name, cgroup, options = {}) {
  const { request = `${cgroup}?type=name` } = options;
  const before = kernelStats(cgroup, options);
  const samples = {};
  for (const [version, newest] of Object.entries(newestOf)) samples[version] = await newest(cgroup, request);
  const after = kernelStats(cgroup, options);
  const known = Object.keys(before).filter((path) => !Number.isNaN(before[path]) && before[path] !== undefined);
  return Object.entries(samples).flatMap(([version, sample]) =>
    known.map((path) => ({
      what: `${name}: ${version === 'v2.0' ? '' : `${version} `}${path}`,
      low: Math.min(before[path], after[path]),
      api: apiNumber(sample, path),
      high: Math.max(before[path], after[path]),
    })),
  );
}

/** Limits do not move: each has one right value. A file is only there with its controller. */
export async function compareSpec(name, cgroup, request = `${cgroup}?type=name`) {
  const spec = (await get(`/api/v2.0/spec${request}`))[cgroup];
  const unlimited = (value) => (value === Number.POSITIVE_INFINITY ? 2 ** 64 : value);
  const shares = (weight) => 2 + Math.trunc(((weight - 1) * 262142) / 9999);
  const limits = [
    ['cpu.limit', 'cpu.weight', (file) => shares(number(cgroup, file))],
    ['cpu.mask', 'cpuset.cpus.effective', (file) => text(cgroup, file)],
    ['cpu.quota', 'cpu.max', (file) => Number(text(cgroup, file).split(' ')[0]) || undefined],
    ['processes.limit', 'pids.max', (file) => (text(cgroup, file) === 'max' ? undefined : number(cgroup, file))],
    ['memory.limit', 'memory.max', (file) => unlimited(number(cgroup, file))],
    ['memory.reservation', 'memory.min', (file) => number(cgroup, file) || undefined],
    ['memory.swap_limit', 'memory.swap.max', (file) => unlimited(number(cgroup, file)) || undefined],
  ];
  return limits
    .filter(([, file]) => existsSync(join(CGROUPS, cgroup, file)))
    .map(([path, file, right]) => ({ path, value: right(file) }))
    .filter(({ value }) => value !== undefined) // no quota and limits of 0 are left out of the answer
    .map(({ path, value }) => ({ what: `${name}: ${path}`, low: value, api: apiNumber(spec, path), high: value }));
}
