import { fstatSync } from 'node:fs';

/** `text` as journald expects it on standard error: each line with its priority. */
export function journalLines(text: string, priority: number): string {
  return `${text.trimEnd().replaceAll(/^/gm, `<${priority}>`)}\n`;
}

/** Whether a descriptor leads to journald: systemd says which one does. */
export function leadsToJournal(descriptor: number, env: Readonly<Record<string, string | undefined>>): boolean {
  const { JOURNAL_STREAM: stream } = env;
  if (stream === undefined) return false;
  const { dev, ino } = fstatSync(descriptor, { bigint: true });
  return stream === `${dev}:${ino}`;
}
