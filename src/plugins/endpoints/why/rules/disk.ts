import type { Increase, Rule, RuleFinding, RuleSubject } from '../../../../kernel/contracts/index.js';
import { at, bytesText, durationText, label, leaves, oncePerQuestion, over, percentText, rounded } from './text.js';

const MIN_WAITING_SHARE = 0.2;
const SATURATED = 0.9;
const MAX_NAMED = 3;
const MIN_BYTES_PER_S = 256 * 1024;
/** A filesystem is filling when it is this full, … */
const NEARLY_FULL = 0.95;
/** … or would be full this soon, and grew by this share of its size while it was watched. */
const SOON_S = 3600;
const MIN_GROWTH = 0.005;
const MIN_WATCHED_S = 5;
/** A container takes part in the filling when it wrote this share of the growth. */
const MIN_PART = 0.25;

const WAITING_OR_MOVED = ['pressure.io.some.total', 'diskio.io_service_bytes'];

/** Labels of `diskio.*`: major, minor, device, operation. */
const DEVICE = 2;
const OPERATION = 3;

/** Bytes that a container read and wrote in the last minute, by device. */
function bytesByDevice(subject: RuleSubject): Map<string, number> {
  const bytes = new Map<string, number>();
  for (const { labels, by } of subject.increasesOf('diskio.io_service_bytes')) {
    if (labels[OPERATION] !== 'Read' && labels[OPERATION] !== 'Write') continue;
    const device = labels[DEVICE]!;
    bytes.set(device, (bytes.get(device) ?? 0) + by);
  }
  return bytes;
}

/** Devices of the machine’s filesystems that were busy for nearly all of the last minute. */
const saturatedOf = oncePerQuestion((host): { device: string; busy: number; increase: Increase }[] =>
  host
    .increasesOf('filesystem.io_time')
    .map((increase) => ({ device: increase.labels[0]!, busy: increase.by / 1000 / increase.seconds, increase }))
    .filter(({ busy }) => busy >= SATURATED),
);

function saturatedDevices({ host }: RuleSubject) {
  return host === undefined ? [] : saturatedOf(host);
}

const leavesWithBytes = oncePerQuestion((host) =>
  leaves(host).map((user) => ({ user, byDevice: bytesByDevice(user) })),
);

/** Which other containers moved the most bytes from and to a device. */
function topUsersBeside({ name, host }: RuleSubject, device: string, seconds: number) {
  const all = host === undefined ? [] : leavesWithBytes(host);
  return all
    .filter(({ user }) => user.name !== name)
    .map(({ user, byDevice }) => ({ user, bytes: (byDevice.get(device) ?? 0) / seconds }))
    .filter(({ bytes }) => bytes >= MIN_BYTES_PER_S)
    .sort((a, b) => b.bytes - a.bytes || (a.user.name < b.user.name ? -1 : 1))
    .slice(0, MAX_NAMED);
}

function saturationEvidence(subject: RuleSubject, devices: ReturnType<typeof saturatedDevices>) {
  return devices.flatMap(({ device, busy, increase }) => [
    over(increase, `${device} was busy for ${percentText(busy)} of the time`, { busy_share: busy }),
    ...topUsersBeside(subject, device, increase.seconds).map(({ user, bytes }) =>
      over(increase, `${label(user)} moved ${bytesText(bytes)} a second`, { bytes_per_second: bytes }),
    ),
  ]);
}

export const ioWaiting: Rule = {
  id: 'io-waiting',
  title: 'waiting for disks',
  scope: 'containers',
  needs: [{ anyOf: WAITING_OR_MOVED, sources: ['pressure', 'diskIO'] }],
  precondition: { anyAboveZero: WAITING_OR_MOVED },
  help:
    'A task of the container waited for I/O in 20 % or more of the last minute (PSI). Where there is no PSI of the ' +
    'container: it moved 256 KiB a second or more from and to a device that was busy for 90 % of the time. Devices that ' +
    'are saturated are named, and the containers that moved the most.',
  judge(subject) {
    const pressure = subject.increase('pressure.io.some.total');
    const share = pressure === undefined ? Number.NaN : pressure.by / 1e6 / pressure.seconds;
    if (share < MIN_WAITING_SHARE) return undefined;
    const saturated = saturatedDevices(subject);
    if (Number.isNaN(share) && saturated.length === 0) return undefined;
    const own = bytesByDevice(subject);
    const used = saturated.filter(({ device, increase }) => {
      return (own.get(device) ?? 0) / increase.seconds >= MIN_BYTES_PER_S;
    });
    if (Number.isNaN(share) && used.length === 0) return undefined;
    const evidence = saturationEvidence(subject, used.length > 0 ? used : saturated);
    if (pressure !== undefined) {
      const text = `a task waited for I/O for ${rounded(pressure.by / 1e6)} of ${rounded(pressure.seconds)} s (${percentText(share)})`;
      evidence.unshift(over(pressure, text, { waiting_share: share }));
    }
    return {
      harm: 30 + 45 * Math.min(1, Number.isNaN(share) ? MIN_WAITING_SHARE : share),
      what: 'waits for its disk',
      meaning: 'Whatever reads or writes files takes longer, and so does all that waits for it.',
      evidence,
      mend: 'Move less data, move it at another time, or use a faster disk; io.max limits what the others move.',
    };
  },
};

export const diskSaturated: Rule = {
  id: 'disk-saturated',
  title: 'devices that are busy all the time',
  scope: 'host',
  needs: [{ anyOf: ['filesystem.io_time'], sources: ['disk'] }],
  help:
    'A device with a filesystem had requests under way for 90 % of the last minute or more. Devices that serve many ' +
    'requests at once (NVMe) may still have been able to do more. The containers that moved the most are named.',
  judge(subject) {
    const saturated = saturatedDevices(subject);
    if (saturated.length === 0) return undefined;
    return {
      harm: 45,
      what: `busy all the time: ${saturated.map(({ device }) => device).join(', ')}`,
      meaning: 'Whoever reads from it or writes to it waits for the others.',
      evidence: saturationEvidence(subject, saturated),
      mend: 'Limit or move the container that moves the most; io.max limits it.',
    };
  },
};

type Filling = ReturnType<typeof trendOf>;

/** The machine’s filesystems that are nearly full, or soon will be. */
const fillingFilesystems = oncePerQuestion((host): readonly Filling[] => {
  const of = (field: string) => new Map(host.latestOf(field).map(({ labels, value }) => [labels[0]!, value]));
  const [usage, available, inodes] = [of('filesystem.usage'), of('filesystem.available'), of('filesystem.inodes')];
  const filling: Filling[] = [];
  for (const [device, left] of available) filling.push(trendOf(host, device, 'space', left, usage.get(device) ?? 0));
  for (const [device, left] of of('filesystem.inodes_free')) {
    const total = inodes.get(device) ?? 0;
    // Some filesystems have no fixed number.
    if (total > 0) filling.push(trendOf(host, device, 'inodes', left, total - left));
  }
  return filling.filter(isFilling).sort((a, b) => a.seconds - b.seconds || b.used - a.used);
});

/** How full a filesystem is, and how soon it will be. @param used bytes or inodes, as `left` */
function trendOf(host: RuleSubject, device: string, what: 'space' | 'inodes', left: number, used: number) {
  const field = what === 'space' ? 'filesystem.available' : 'filesystem.inodes_free';
  const before = host.oldestOf(field).find(({ labels }) => labels[0] === device);
  const watched = before === undefined ? 0 : (host.now - before.time) / 1e6;
  const rate = watched >= MIN_WATCHED_S ? Math.max(0, before!.value - left) / watched : 0;
  const grew = rate * watched >= MIN_GROWTH * (used + left);
  // Until it is full at that rate.
  const seconds = grew ? left / rate : Number.POSITIVE_INFINITY;
  const start = before?.time ?? host.now;
  // Its share in use is of what users may use.
  return { device, what, used: used / (used + left), left, rate: grew ? rate : 0, start, seconds };
}

function isFilling({ used, seconds }: Filling): boolean {
  return used >= NEARLY_FULL || seconds <= SOON_S;
}

function fillingText({ device, what, used, left, seconds }: Filling): string {
  const rest = what === 'space' ? bytesText(left) : `${left} inodes`;
  const soon = Number.isFinite(seconds) ? `, full in ${durationText(seconds)} at this rate` : '';
  return `${device}: ${percentText(used)} of its ${what} in use, ${rest} left${soon}`;
}

function fillingEvidence(subject: RuleSubject, filling: Filling) {
  const { used, left, seconds, start } = filling;
  const values: Record<string, number> = {
    used_share: used,
    [filling.what === 'space' ? 'left_bytes' : 'left_inodes']: left,
    ...(Number.isFinite(seconds) && { seconds_until_full: seconds }),
  };
  return { text: fillingText(filling), values, start, end: subject.now };
}

function harmOf({ used, seconds }: Filling): number {
  if (used >= 0.999) return 90;
  const bySpace = used >= NEARLY_FULL ? 50 + (30 * (used - NEARLY_FULL)) / (1 - NEARLY_FULL) : 0;
  return Math.max(bySpace, Number.isFinite(seconds) ? 85 - 30 * Math.min(1, seconds / SOON_S) : 0);
}

export const diskFilling: Rule = {
  id: 'disk-filling',
  title: 'space and inodes of filesystems',
  scope: 'both',
  needs: [{ anyOf: ['filesystem.usage', 'diskio.io_service_bytes'], sources: ['disk', 'diskIO'] }],
  precondition: { host: (host) => fillingFilesystems(host).length > 0 },
  help:
    'The machine: a filesystem has 95 % or more of its space or inodes in use, or would be full within an hour if it ' +
    'went on growing as it did while samples are kept (by 0.5 % of its size at least). A container: it wrote a ' +
    'quarter or more of that growth, by its writable layer (measured once a minute) or by what it wrote to the device; or ' +
    'its layer is a quarter of a filesystem that is nearly full. On cgroup v1 the kernel counts only unbuffered writes.',
  judge(subject) {
    const filling = subject.host === undefined ? [] : fillingFilesystems(subject.host);
    return subject.isHost ? fillingHost(subject, filling) : fillingContainer(subject, filling);
  },
};

function fillingHost(subject: RuleSubject, filling: readonly Filling[]): RuleFinding | undefined {
  const [worst] = filling;
  if (worst === undefined) return undefined;
  return {
    harm: Math.max(...filling.map(harmOf)),
    what: `a filesystem ${worst.used >= 0.999 ? 'is full' : 'fills up'}: ${worst.device}`,
    meaning: 'When it is full, whoever writes to it fails, databases and logs first.',
    evidence: filling.slice(0, MAX_NAMED).map((one) => fillingEvidence(subject, one)),
    mend: 'Delete what is not needed, or enlarge it; the containers that write to it have the same finding.',
    lines: [{ tool: 'shell', line: 'docker system df -v; du -xh --max-depth=2 / | sort -h | tail' }],
  };
}

function fillingContainer(subject: RuleSubject, filling: readonly Filling[]): RuleFinding | undefined {
  for (const one of filling) {
    const part = partOf(subject, one);
    if (part === undefined) continue;
    return {
      harm: harmOf(one),
      what: `fills the filesystem that it writes to: ${one.device}`,
      meaning: 'When it is full, this container and all others on it fail to write.',
      evidence: [part, fillingEvidence(subject, one)],
      mend: 'Find what it writes (logs, temporary files, data without an end), bound it, or give it a volume of its own.',
      lines: sizeLines(subject),
    };
  }
  return undefined;
}

/** What the container has to do with it. */
function partOf(subject: RuleSubject, { device, what, rate, left, used, start }: Filling) {
  const seconds = (subject.now - start) / 1e6;
  const size = subject.latestOf('filesystem.usage').find(({ labels }) => labels[0] === device)?.value ?? 0;
  if (what === 'space' && rate > 0) {
    const before = subject.oldestOf('filesystem.usage').find(({ labels }) => labels[0] === device);
    const grew = before === undefined ? 0 : (size - before.value) / ((subject.now - before.time) / 1e6);
    const writes = subject
      .increasesOf('diskio.io_service_bytes')
      .filter(({ labels }) => labels[DEVICE] === device && labels[OPERATION] === 'Write');
    const wrote = writes.reduce((sum, { by, seconds }) => sum + by / seconds, 0);
    const bytes = Math.max(grew, wrote);
    if (bytes >= MIN_PART * rate) {
      const text = `${grew >= wrote ? 'its layer grew by' : 'it wrote'} ${bytesText(bytes)} a second`;
      return { text, values: { bytes_per_second: bytes }, start: before?.time ?? start, end: subject.now };
    }
  }
  const capacity = left / Math.max(1 - used, Number.EPSILON);
  if (what !== 'space' || used < NEARLY_FULL || size < MIN_PART * capacity || seconds < 0) return undefined;
  return at(subject.now, `its writable layer and logs take up ${bytesText(size)}`, { layer_bytes: size });
}

function sizeLines({ description: { namespace, aliases } }: RuleSubject) {
  const [alias] = aliases;
  if (alias === undefined || (namespace !== 'docker' && namespace !== 'podman')) return [];
  return [{ tool: namespace, line: `${namespace} diff ${alias}` } as const];
}
