import { release } from 'node:os';
import { join } from 'node:path';
import type { HostPaths, HostVersions } from '../contracts/index.js';
import { readText, readTrimmed } from './files/index.js';
import { hostFile } from './host-paths.js';

const OS_RELEASE = ['/etc/os-release', '/usr/lib/os-release'];

/** Versions of the host's kernel and distribution. */
export function readVersions(paths: HostPaths): HostVersions {
  const os = OS_RELEASE.map((path) => readText(hostFile(paths, path))).find((text) => text !== undefined);
  return {
    kernelVersion: readTrimmed(join(paths.proc, 'sys/kernel/osrelease')) || release(),
    osVersion: prettyName(os ?? '') ?? 'Unknown',
  };
}

function prettyName(osRelease: string): string | undefined {
  const value = /^PRETTY_NAME=(.*)$/m.exec(osRelease)?.[1]?.trim();
  const quoted = /^(["'])(.*)\1$/.exec(value ?? '');
  const name = quoted === null ? value : quoted[2]!.replace(/\\(["'$`\\])/g, '$1');
  return name === '' ? undefined : name;
}

/** When the host booted, µs since the epoch; 0 when unknown. */
export function readBootTime(paths: HostPaths): number {
  const seconds = /^btime (\d+)$/m.exec(readText(join(paths.proc, 'stat')) ?? '')?.[1];
  return seconds === undefined ? 0 : Number(seconds) * 1_000_000;
}
