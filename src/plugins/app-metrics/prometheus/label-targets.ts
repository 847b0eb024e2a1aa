import { type AppContainer, type AppRequest, type AppTarget, parseDuration } from '../../../kernel/contracts/index.js';

const PREFIX = 'tallyman.metrics.';
const SETTINGS = ['port', 'socket', 'path', 'scheme', 'interval', 'name'] as const;
type Setting = (typeof SETTINGS)[number];

export interface LabelTarget extends AppTarget {
  readonly kind: 'label';
  readonly request: AppRequest;
  /** What is wrong with the labels; such a target is not asked. */
  readonly error?: string;
}

/**
 * The targets in labels such as `tallyman.metrics.port=9100`. With a name in between, `tallyman.metrics.admin.port`,
 * a container declares several.
 * @param interval ms, where a target says none
 */
export function labelTargets({ labels }: AppContainer, interval: number): LabelTarget[] {
  const groups = new Map<string, Map<string, string>>();
  for (const key of Object.keys(labels).sort()) {
    if (!key.startsWith(PREFIX)) continue;
    const words = key.slice(PREFIX.length).split('.');
    const setting = words.pop()!;
    const group = words.join('.');
    const settings = groups.get(group) ?? new Map<string, string>();
    groups.set(group, settings.set(setting, labels[key]!));
  }
  return [...groups].map(([group, settings]) => targetOf(group, settings, interval));
}

function targetOf(group: string, settings: ReadonlyMap<string, string>, interval: number): LabelTarget {
  const setting = (name: Setting): string | undefined => settings.get(name)?.trim();
  const label = (name: string): string => `label ${PREFIX}${group === '' ? '' : `${group}.`}${name}`;
  const wrong: string[] = [];
  for (const name of settings.keys()) {
    if (!SETTINGS.includes(name as Setting)) {
      wrong.push(`${label(name)} is unknown; expected one of ${SETTINGS.join(', ')}`);
    }
  }
  const {
    port,
    socket,
    path = '/metrics',
    scheme = 'http',
    interval: every,
  } = Object.fromEntries(SETTINGS.map((name) => [name, setting(name)]));
  if ((port === undefined) === (socket === undefined)) wrong.push(`${label('port')} or ${label('socket')} is needed`);
  if (port !== undefined && !/^\d{1,5}$/.test(port))
    wrong.push(`${label('port')}: ${JSON.stringify(port)} is not a port`);
  if (scheme !== 'http' && scheme !== 'https') wrong.push(`${label('scheme')}: expected http or https`);
  const milliseconds = every === undefined ? interval : parseDuration(/^\d+$/.test(every) ? `${every}s` : every);
  if (milliseconds === undefined)
    wrong.push(`${label('interval')}: ${JSON.stringify(every)} is not a time such as 15s`);
  return {
    kind: 'label',
    name: setting('name') ?? (group === '' ? 'metrics' : group),
    interval: milliseconds ?? interval,
    request: {
      scheme: scheme === 'https' ? 'https' : 'http',
      path: path.startsWith('/') ? path : `/${path}`,
      ...(port === undefined ? {} : { port: Number(port) }),
      ...(socket === undefined ? {} : { socket }),
    },
    ...(wrong.length === 0 ? {} : { error: wrong.join('; ') }),
  };
}
