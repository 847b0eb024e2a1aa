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
import { startTicksOf } from '../linux/index.js';
import type { ReloadState } from '../reload/index.js';

/** The file by which commands on the host find a running agent. Contains no secrets. */
export interface AgentNote {
  readonly pid: number;
  /** Start time of the process in clock ticks since boot, to detect a reused PID. */
  readonly startTime: number;
  readonly version: string;
  readonly urls: readonly string[];
  /** URL prefix such as `/monitoring`, or empty. */
  readonly prefix: string;
  readonly configuration: ReloadState;
}

export interface FoundNote extends AgentNote {
  readonly noteFile: string;
  /** Changes whenever the agent writes the note, also when the write fails. */
  readonly touchedAt: number;
}

type Variables = Readonly<Record<string, string | undefined>>;

const SYSTEM_DIRECTORY = '/run/tallyman';
const NAME = /^agent-\d+\.json$/;

/** The directory for the note of an agent of this user with this environment; `undefined` when there is none. */
export function noteDirectory(env: Variables): string | undefined {
  const { TALLYMAN_RUNTIME_DIRECTORY: own, RUNTIME_DIRECTORY: service, XDG_RUNTIME_DIR: session } = env;
  if (own) return own;
  if (service) return service.split(':')[0];
  if (process.geteuid?.() === 0) return SYSTEM_DIRECTORY;
  return session ? join(session, 'tallyman') : undefined;
}

/** Writes the note of this process. A failure is logged once and has no other effect. */
export class NoteKeeper {
  private readonly file: string | undefined;
  private hasWarned = false;

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
      const whole: AgentNote = { pid: process.pid, startTime: startTicksOf(process.pid) ?? 0, ...note };
      writeFileSync(`${file}.new`, `${JSON.stringify(whole)}\n`, { mode: 0o644 });
      renameSync(`${file}.new`, file);
      this.hasWarned = false;
    } catch (error) {
      touch(file);
      if (this.hasWarned) return;
      this.hasWarned = true;
      const hint = `make ${directory} writable for the agent, or set TALLYMAN_RUNTIME_DIRECTORY to another directory`;
      const message = 'commands on this host may not find this agent or the result of its last reload';
      this.logger.warn(`${message}: ${messageOf(error)}`, { hint });
    }
  }

  remove(): void {
    if (this.file === undefined) return;
    for (const each of [`${this.file}.new`, this.file]) {
      try {
        rmSync(each, { force: true });
      } catch {
        // The directory is not writable; a stale note is recognised by its process.
      }
    }
  }
}

/** The notes of running agents in the directories of this user and of the system. */
export function readNotes(env: Variables): FoundNote[] {
  const own = noteDirectory(env);
  const directories = new Set(env.TALLYMAN_RUNTIME_DIRECTORY ? [own!] : [own ?? SYSTEM_DIRECTORY, SYSTEM_DIRECTORY]);
  return [...directories].flatMap((directory) =>
    namesIn(directory).flatMap((name) => readNote(join(directory, name)) ?? []),
  );
}

/** Reads a note if its process is running and belongs to the owner of the file. */
export function readNote(file: string): FoundNote | undefined {
  try {
    const { uid, ctimeMs } = statSync(file);
    const note = JSON.parse(readFileSync(file, 'utf8')) as AgentNote;
    // Users who can write to the directory must not be able to choose the process that is signalled.
    const isOwner = Number.isInteger(note.pid) && note.pid > 0 && statSync(`/proc/${note.pid}`).uid === uid;
    return isOwner && isRunning(note) ? { ...note, noteFile: file, touchedAt: ctimeMs } : undefined;
  } catch {
    return undefined;
  }
}

export function isRunning({ pid, startTime }: Pick<AgentNote, 'pid' | 'startTime'>): boolean {
  return startTicksOf(pid) === startTime;
}

/** Signals a failed write to commands that wait for the note; works even on a full disk. */
function touch(file: string): void {
  const now = new Date();
  try {
    utimesSync(file, now, now);
  } catch {
    // There is no note, or the filesystem is read-only.
  }
}

/** Unlike `mkdirSync` with `recursive`, does not loop forever below directories like /proc. */
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
