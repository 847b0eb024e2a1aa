const UP = 0x1;
const REJECT = 0x200;
const ANY_V4 = '00000000';
const ANY_V6 = '0'.repeat(32);

interface DefaultRoute {
  readonly name: string;
  readonly metric: number;
}

/**
 * The interface of the default route: the one with the lowest metric, IPv4 first.
 * @param v4 text of `/proc/<pid>/net/route`
 * @param v6 gives the text of `/proc/<pid>/net/ipv6_route`; asked only when IPv4 has no default route
 */
export function defaultInterface(v4: string, v6: () => string): string | undefined {
  return (best(v4, defaultV4) ?? best(v6(), defaultV6))?.name;
}

function best(text: string, parse: (words: readonly string[]) => DefaultRoute | undefined): DefaultRoute | undefined {
  let found: DefaultRoute | undefined;
  for (const line of text.split('\n')) {
    const route = parse(line.trim().split(/\s+/));
    if (route !== undefined && (found === undefined || route.metric < found.metric)) found = route;
  }
  return found;
}

/** Iface Destination Gateway Flags RefCnt Use Metric Mask … */
function defaultV4([name, destination, , flags, , , metric, mask]: readonly string[]): DefaultRoute | undefined {
  if (name === undefined || destination !== ANY_V4 || mask !== ANY_V4 || !isUsable(flags)) return undefined;
  return { name, metric: Number(metric) };
}

/** destination length source length gateway metric refcount use flags interface */
function defaultV6(words: readonly string[]): DefaultRoute | undefined {
  const [destination, length, , , , metric, , , flags, name] = words;
  if (name === undefined || destination !== ANY_V6 || length !== '00' || !isUsable(flags)) return undefined;
  return { name, metric: Number.parseInt(metric!, 16) };
}

function isUsable(flags: string | undefined): boolean {
  const bits = Number.parseInt(flags ?? '', 16);
  return (bits & UP) !== 0 && (bits & REJECT) === 0;
}
