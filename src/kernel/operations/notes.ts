import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { codeOf, type Logger, messageOf } from '../contracts/index.js';
import type { ReloadState } from '../reload/index.js';

/** What a running agent says of itself to commands on its host; nothing in it is secret. */
export interface AgentNote {
  readonly pid: number;
  /** Start time of the process in clock ticks since the boot, which tells it from a later one of the same number. */
  readonly startTime: number;
  readonly version: string;
  readonly urls: readonly string[];
  /** Path in front of every URL, `/monitoring`; empty without one. */
  readonly prefix: string;
  readonly configuration: ReloadState;
}

/** A note as it was found. */
export interface FoundNote extends AgentNote {
  readonly noteFile: string;
  /** Changes whenever the agent writes the note, also when it only tries to. */
  readonly touchedAt: number;
}

type Variables = Readonly<Record<string, string | undefined>>;

const SYSTEM_DIRECTORY = '/run/tallyman';
const NAME = /^agent-\d+\.json$/;

/** Where an agent with this environment leaves its note; `undefined`: nowhere. */
export function noteDirectory(env: Variables, uid: number): string | undefined {
  const { TALLYMAN_RUNTIME_DIRECTORY: own, RUNTIME_DIRECTORY: service, XDG_RUNTIME_DIR: session } = env;
  if (own) return own;
  if (service) return service.split(':')[0];
  if (uid === 0) return SYSTEM_DIRECTORY;
  return session ? join(session, 'tallyman') : undefined;
}

/** Keeps the note of this process current. That it cannot be written is said once, and harms nothing else. */
export class NoteKeeper {
  private readonly file: string | undefined;
  private complained = false;

  constructor(
    private readonly directory: string | undefined,
    private readonly logger: Logger,
  ) {
    this.file = directory === undefined ? undefined : join(directory, `agent-${process.pid}.json`);
  }

  write(note: Omit<AgentNote, 'pid' | 'startTime'>): void {
    const { directory, file } = this;
    if (directory === undefined || file === undefined) return;
    try {
      makeDirectory(directory);
      removeStale(directory);
      const whole: AgentNote = { pid: process.pid, startTime: startTimeOf(process.pid) ?? 0, ...note };
      writeFileSync(`${file}.new`, `${JSON.stringify(whole)}\n`, { mode: 0o644 });
      renameSync(`${file}.new`, file);
      this.complained = false;
    } catch (error) {
      touch(file);
      if (this.complained) return;
      this.complained = true;
      this.logger.warn(
        `commands on this host will not find this agent, or not how its last reload ended: ${messageOf(error)}`,
        {
          hint: `make ${directory} a directory that the agent may write to, or name another with TALLYMAN_RUNTIME_DIRECTORY`,
        },
      );
    }
  }

  remove(): void {
    if (this.file === undefined) return;
    for (const each of [`${this.file}.new`, this.file]) {
      try {
        rmSync(each, { force: true });
      } catch {
        // Where it could not be written it need not be removed; and a stale one is known by its process.
      }
    }
  }
}

/** The notes of agents that run, in the directories where this user may find some. */
export function readNotes(env: Variables, uid: number): FoundNote[] {
  const own = noteDirectory(env, uid);
  const directories = new Set(env.TALLYMAN_RUNTIME_DIRECTORY ? [own!] : [own ?? SYSTEM_DIRECTORY, SYSTEM_DIRECTORY]);
  return [...directories].flatMap((directory) =>
    namesIn(directory).flatMap((name) => readNote(join(directory, name)) ?? []),
  );
}

/** The note, if it is that of a process that runs, and written by the user whose process it is. */
export function readNote(file: string): FoundNote | undefined {
  try {
    const { uid, ctimeMs } = statSync(file);
    const note = JSON.parse(readFileSync(file, 'utf8')) as AgentNote;
    // Whoever may write to the directory must not choose the process that gets a signal.
    const isTheirs = Number.isInteger(note.pid) && note.pid > 1 && statSync(`/proc/${note.pid}`).uid === uid;
    return isTheirs && isRunning(note) ? { ...note, noteFile: file, touchedAt: ctimeMs } : undefined;
  } catch {
    return undefined;
  }
}

export function isRunning({ pid, startTime }: Pick<AgentNote, 'pid' | 'startTime'>): boolean {
  return startTimeOf(pid) === startTime;
}

/** Says to who waits for the note that it stays as it is. A full disk has room for that. */
function touch(file: string): void {
  const now = new Date();
  try {
    utimesSync(file, now, now);
  } catch {
    // There is none, or the filesystem is read-only, which whoever waits sees as well.
  }
}

/** Not by `recursive`, which tries for ever where a directory is there and can hold no other, as in /proc. */
function makeDirectory(directory: string): void {
  if (existsSync(directory)) return;
  if (dirname(directory) !== directory) makeDirectory(dirname(directory));
  try {
    mkdirSync(directory, { mode: 0o755 });
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
  }
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory).filter((name) => NAME.test(name));
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  }
}

function removeStale(directory: string): void {
  for (const name of namesIn(directory)) {
    const file = join(directory, name);
    if (readNote(file) === undefined) rmSync(file, { force: true });
  }
}

function startTimeOf(pid: number): number | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[19]);
  } catch {
    return undefined;
  }
}
