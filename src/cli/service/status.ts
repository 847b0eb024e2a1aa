import type { ServiceHost } from './host.js';
import * as layout from './layout.js';

/** Exit statuses of a status command, after the Linux Standard Base. */
const STATUS_EXIT = { running: 0, stopped: 3, absent: 4 } as const;

const PROPERTIES = [
  ...['LoadState', 'ActiveState', 'SubState', 'ActiveEnterTimestamp', 'UnitFileState', 'FragmentPath'],
  ...['DropInPaths', 'StatusText', 'Result', 'NRestarts', 'MainPID', 'MemoryCurrent', 'CPUUsageNSec'],
] as const;

type Properties = Partial<Record<(typeof PROPERTIES)[number], string>>;

/** State of the service as text, and as exit status. */
export function describeService(host: ServiceHost): { readonly text: string; readonly status: number } {
  const unit = readProperties(host);
  if (unit.LoadState !== 'loaded') {
    const text = 'The service is not installed; `tallyman service install` installs it.\n';
    return { text, status: STATUS_EXIT.absent };
  }
  const lines = [
    ['state', stateOf(unit)],
    ['says', unit.StatusText],
    ['process', unit.ActiveState === 'active' ? processOf(unit) : undefined],
    ['restarts', unit.NRestarts === '0' ? undefined : `${unit.NRestarts}, by systemd after a failure`],
    ['unit', unitOf(unit, host)],
    ['drop-ins', unit.DropInPaths?.replaceAll(' ', '\n             ')],
    ['config', layout.configFiles(host)[0] ?? 'none: the defaults'],
  ];
  const text = lines.filter(([, value]) => value).map(([name, value]) => `${name!.padEnd(12)} ${value}\n`);
  return { text: text.join(''), status: unit.ActiveState === 'active' ? STATUS_EXIT.running : STATUS_EXIT.stopped };
}

function readProperties(host: ServiceHost): Properties {
  const { output } = host.run('systemctl', 'show', layout.SERVICE, `--property=${PROPERTIES.join(',')}`);
  const pairs = output.split('\n').map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]);
  return Object.fromEntries(pairs) as Properties;
}

function stateOf({ ActiveState, SubState, ActiveEnterTimestamp, UnitFileState, Result }: Properties): string {
  const since = ActiveState === 'active' && ActiveEnterTimestamp ? ` since ${ActiveEnterTimestamp}` : '';
  const why = Result && Result !== 'success' ? `, after ${Result}` : '';
  const atBoot = UnitFileState === 'enabled' ? 'starts at boot' : 'does not start at boot';
  return `${ActiveState} (${SubState})${since}${why}; ${atBoot}`;
}

function processOf({ MainPID, MemoryCurrent, CPUUsageNSec }: Properties): string {
  const memory = Number(MemoryCurrent);
  const cpu = Number(CPUUsageNSec);
  return [
    MainPID,
    ...(memory > 0 && memory < 2 ** 53 ? [`${(memory / 2 ** 20).toFixed(1)} MiB of memory`] : []),
    ...(cpu > 0 && cpu < 2 ** 60 ? [`${(cpu / 1e9).toFixed(1)} s of CPU`] : []),
  ].join(', ');
}

function unitOf({ FragmentPath }: Properties, host: ServiceHost): string {
  if (layout.packagedUnit(host) !== undefined) return `${FragmentPath}, of a package`;
  const isCurrent = host.read(`${layout.UNIT_DIRECTORY}/${layout.SERVICE}`) === layout.unitText();
  return `${FragmentPath}${isCurrent ? '' : ', differs from that of this version: `tallyman service install` updates it'}`;
}
