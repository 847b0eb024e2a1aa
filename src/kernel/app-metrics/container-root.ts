import { constants } from 'node:fs';
import { type FileHandle, open, readlink, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { CollectionError, codeOf, messageOf } from '../contracts/index.js';

/** Opens a path without opening the file itself (fcntl.h); missing in `fs.constants`. */
const O_PATH = 0o10000000;
const MAX_LINKS = 40;

/**
 * The root directory of a container's process. Paths are resolved one name at a time, with links resolved inside the root,
 * so that a hostile image cannot lead to a file of the host.
 */
export class ContainerRoot {
  private constructor(private readonly root: FileHandle) {}

  /**
   * @param isInContainer called once the directory is open: whether `pid` is still a process of the container
   * @param mayBeHost false for containers of a runtime: while the runtime sets one up, the root directory of its process
   *   is the host's, where a path from a label must not be looked up
   * @throws CollectionError when the process or its root directory is not accessible
   */
  static async open(
    proc: string,
    pid: number,
    isInContainer: () => boolean,
    mayBeHost: boolean,
  ): Promise<ContainerRoot> {
    const root = await open(join(proc, String(pid), 'root'), O_PATH | constants.O_DIRECTORY).catch((error: unknown) => {
      throw new CollectionError(`its root directory cannot be opened: ${messageOf(error)}`, { cause: error });
    });
    try {
      if (!isInContainer()) throw new CollectionError('its process ended');
      if (!mayBeHost && (await isHostRoot(root, proc))) {
        throw new CollectionError('its root directory is the host’s; is its runtime still setting it up?');
      }
      return new ContainerRoot(root);
    } catch (error) {
      await root.close();
      throw error;
    }
  }

  /**
   * Resolves a path inside the root.
   * @returns an `O_PATH` handle, to be closed by the caller; `/proc/self/fd/<fd>` leads to the file
   * @throws CollectionError
   */
  async find(path: string): Promise<FileHandle> {
    const directories: FileHandle[] = [];
    try {
      return await this.walk(path, directories);
    } catch (error) {
      throw asCollectionError(error, path);
    } finally {
      for (const directory of directories) await directory.close();
    }
  }

  /** Reads a regular file. @throws CollectionError when it is not regular or larger than `limit` bytes */
  async readFile(path: string, limit: number): Promise<Buffer> {
    const found = await this.find(path);
    try {
      if (!(await found.stat()).isFile()) throw new CollectionError(`${path} in the container is not a regular file`);
      const file = await open(`/proc/self/fd/${found.fd}`, constants.O_RDONLY | constants.O_NONBLOCK);
      try {
        return await readUpTo(file, limit, path);
      } finally {
        await file.close();
      }
    } catch (error) {
      throw asCollectionError(error, path);
    } finally {
      await found.close();
    }
  }

  close(): Promise<void> {
    return this.root.close();
  }

  private async walk(path: string, directories: FileHandle[]): Promise<FileHandle> {
    const parts = path.split('/');
    for (let links = 0; ; ) {
      const name = parts.shift();
      if (name === undefined) throw new CollectionError(`${path} in the container is a directory`);
      if (name === '' || name === '.') continue;
      if (name === '..') {
        await directories.pop()?.close();
        continue;
      }
      const place = `/proc/self/fd/${(directories.at(-1) ?? this.root).fd}/${name}`;
      const found = await open(place, O_PATH | constants.O_NOFOLLOW);
      const kind = await found.stat();
      if (kind.isSymbolicLink()) {
        await found.close();
        if (++links > MAX_LINKS) throw new CollectionError(`${path} in the container has too many links`);
        const target = await readlink(place);
        if (target.startsWith('/')) for (const directory of directories.splice(0)) await directory.close();
        parts.unshift(...target.split('/'));
      } else if (kind.isDirectory()) directories.push(found);
      else if (parts.every((part) => part === '')) return found;
      else {
        await found.close();
        throw new CollectionError(`${path} in the container: ${name} is not a directory`);
      }
    }
  }
}

/** A failure to read a container's file is not a fault of the plugin that requested it. */
function asCollectionError(error: unknown, path: string): CollectionError {
  if (error instanceof CollectionError) return error;
  const reason = codeOf(error) === 'ENOENT' ? 'no such file' : messageOf(error);
  return new CollectionError(`${path} in the container: ${reason}`, { cause: error });
}

/** Whether the directory is the root directory of the host's PID 1 or of the agent. */
async function isHostRoot(root: FileHandle, proc: string): Promise<boolean> {
  const own = await root.stat();
  const hosts = await Promise.all([join(proc, '1/root'), '/'].map((path) => stat(path).catch(() => undefined)));
  return hosts.some((host) => host !== undefined && host.dev === own.dev && host.ino === own.ino);
}

async function readUpTo(file: FileHandle, limit: number, path: string): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(limit + 1);
  let length = 0;
  while (length < buffer.length) {
    const { bytesRead } = await file.read(buffer, length, buffer.length - length, null);
    if (bytesRead === 0) return Buffer.from(buffer.subarray(0, length));
    length += bytesRead;
  }
  throw new CollectionError(`${path} in the container is larger than ${limit} bytes`);
}
