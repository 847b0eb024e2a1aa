import { join } from 'node:path';
import { readNames, readText } from '../../../kernel/contracts/index.js';
import { present } from '../common/index.js';

/** The files have about 500 bytes. */
const MAX_LENGTH = 64 * 1024;

/** What systemd-machined noted of a machine. */
export interface Registration {
  readonly name: string;
  /** The unit whose cgroup holds the machine. */
  readonly unit: string;
  /** Who registered it: `systemd-nspawn`, `libvirt-qemu`, … */
  readonly service?: string;
  readonly class?: string;
  /** Pid of its first process; of a virtual machine, that of the hypervisor. */
  readonly leader?: number;
  /** µs since the epoch */
  readonly startedAt?: number;
}

/** All machines that are registered, by their unit. Files that are anything else are left out. */
export function readRegistrations(directory: string): ReadonlyMap<string, Registration> {
  const found = new Map<string, Registration>();
  // Links `unit:<unit>` lead to the same files.
  for (const name of readNames(directory).filter((file) => !file.includes(':') && !file.startsWith('.'))) {
    const text = readText(join(directory, name)) ?? '';
    const registration = text.length > MAX_LENGTH ? undefined : parseRegistration(text);
    if (registration !== undefined) found.set(registration.unit, registration);
  }
  return found;
}

/** @returns undefined when no name or no unit is in the text */
export function parseRegistration(text: string): Registration | undefined {
  const values = new Map<string, string>();
  for (const line of text.split('\n')) {
    const match = /^([A-Z_]+)=(.*)$/.exec(line);
    if (match !== null) values.set(match[1]!, unquoted(match[2]!));
  }
  const name = values.get('NAME') ?? '';
  const unit = values.get('SCOPE') ?? values.get('UNIT') ?? '';
  if (name === '' || unit === '') return undefined;
  const number = (key: string) => (/^[1-9]\d{0,15}$/.test(values.get(key) ?? '') ? Number(values.get(key)) : undefined);
  return present({
    name,
    unit,
    service: values.get('SERVICE') || undefined,
    class: values.get('CLASS') || undefined,
    leader: number('LEADER'),
    startedAt: number('REALTIME'),
  });
}

/** Values are quoted where a shell would need it, with C's escapes. */
function unquoted(value: string): string {
  const inner = /^"(.*)"$/.exec(value)?.[1] ?? value;
  return inner.replace(/\\(?:x([0-9a-f]{2})|(.))/g, (_, hex: string | undefined, other: string) =>
    hex === undefined ? other : String.fromCharCode(Number.parseInt(hex, 16)),
  );
}
