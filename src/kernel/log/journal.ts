import { fstatSync } from 'node:fs';

/** Formats text for journald on standard error: each line with a priority prefix. */
export function journalLines(text: string, priority: number): string {
  return `${text.trimEnd().replaceAll(/^/gm, `<${priority}>`)}\n`;
}

/** Whether a descriptor is connected to journald, as `$JOURNAL_STREAM` of systemd says. */
export function isJournal(descriptor: number, env: Readonly<Record<string, string | undefined>>): boolean {
  const { JOURNAL_STREAM: stream } = env;
  if (stream === undefined) return false;
  const { dev, ino } = fstatSync(descriptor, { bigint: true });
  return stream === `${dev}:${ino}`;
}
