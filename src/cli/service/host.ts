import { spawnSync } from 'node:child_process';
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';

/** Permissions of other users. */
const READ = 0o004;
const ENTER = 0o001;

export interface Outcome {
  readonly status: number;
  readonly output: string;
}

/** The host on which the service is installed, with its files below a folder: `/`, another one in tests. */
export class ServiceHost {
  readonly isRoot = process.geteuid?.() === 0;

  constructor(private readonly root = '/') {}

  /** @returns the text of a file; undefined if it cannot be read */
  read(path: string): string | undefined {
    try {
      return readFileSync(join(this.root, path), 'utf8');
    } catch {
      return undefined;
    }
  }

  /** @returns the sorted names in a directory; empty if there is none */
  list(directory: string): string[] {
    try {
      return readdirSync(join(this.root, directory)).sort();
    } catch {
      return [];
    }
  }

  /** Writes a world-readable file atomically, and creates its directories. */
  write(path: string, text: string): void {
    const file = join(this.root, path);
    mkdirSync(dirname(file), { recursive: true, mode: 0o755 });
    writeFileSync(`${file}.new`, text, { mode: 0o644 });
    renameSync(`${file}.new`, file);
  }

  remove(path: string): void {
    rmSync(join(this.root, path), { recursive: true, force: true });
  }

  /** @returns the file or directory whose mode keeps other users from reading a program of this process */
  obstacle(program: string): string | undefined {
    const path = realpathSync(program);
    for (let place = path; place !== '/'; place = dirname(place)) {
      if ((statSync(place).mode & (place === path ? READ : ENTER)) === 0) return place;
    }
    return undefined;
  }

  run(program: string, ...args: string[]): Outcome {
    const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: 'utf8' });
    if (error !== undefined) return { status: 127, output: error.message };
    return { status: status ?? 1, output: `${stdout}${stderr}`.trim() };
  }
}
