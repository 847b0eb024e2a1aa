/** One line of `mountinfo`. */
export interface Mount {
  readonly major: number;
  readonly minor: number;
  /** The directory of the filesystem that forms the root of this mount. */
  readonly root: string;
  readonly mountpoint: string;
  readonly type: string;
  readonly source: string;
  /** Options of the filesystem; for a cgroup mount its controllers. */
  readonly superOptions: readonly string[];
}

/** Parses `/proc/<pid>/mountinfo`. Malformed lines are skipped. */
export function parseMountinfo(text: string): Mount[] {
  return text.split('\n').flatMap((line) => parseMount(line) ?? []);
}

function parseMount(line: string): Mount | undefined {
  const fields = line.split(' ');
  const separator = fields.indexOf('-', 6);
  const numbers = /^(\d+):(\d+)$/.exec(fields[2] ?? '');
  if (separator < 0 || fields.length < separator + 3 || numbers === null) return undefined;
  return {
    major: Number(numbers[1]),
    minor: Number(numbers[2]),
    root: unescapeOctal(fields[3]!),
    mountpoint: unescapeOctal(fields[4]!),
    type: fields[separator + 1]!,
    source: unescapeOctal(fields[separator + 2]!),
    superOptions: (fields[separator + 3] ?? '').split(',').filter((option) => option !== ''),
  };
}

/** The kernel escapes space, tab, newline and backslash as a backslash and three octal digits per byte. */
function unescapeOctal(field: string): string {
  return field.replace(/\\([0-3][0-7]{2})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}
