import type { CgroupFiles, Controller, KernelFile, KernelValue, ProbeTarget } from '../../kernel/contracts/index.js';
import { SimulatedHost } from '../simulated-host.js';

/** Contents that parsers must accept without throwing; `undefined`: no file exists. */
export const ODD_CONTENTS: Readonly<Record<string, string | undefined>> = {
  'files are missing': undefined,
  'files are empty': '',
  'files hold words': 'nothing to see\nhere: go on\n',
  'files are cut off': 'anon 4096\nfile 81',
  'files hold huge numbers': '18446744073709551615\nanon 99999999999999999999999\nfile -1\n',
  'files hold "max"': 'max\n',
  'files hold bytes': '\u0000\u0001\ufffd \n\n\n\t7',
  'files hold long lines': `${'x'.repeat(50_000)} 1\n`,
};

/** A container in whose cgroup every file exists with the same content, until it is removed. */
export class AnyCgroup {
  private readonly host: SimulatedHost;
  private isGone = false;

  constructor(
    version: 1 | 2,
    private readonly content: string | undefined,
    private readonly name = '/tallyman/test',
  ) {
    this.host = new SimulatedHost(version);
    this.host.writeCgroup(name, 'memory', { 'cgroup.procs': '' });
  }

  /** Services that read the same content from `/proc`. */
  get linux(): SimulatedHost['linux'] {
    this.host.linux.everyProcFile = this.content;
    return this.host.linux;
  }

  target(): ProbeTarget {
    const target = this.host.target(this.name);
    return { ...target, cgroup: this.lenient(target.cgroup) };
  }

  /** Simulates the removal of the cgroup: every later read fails, also through open descriptors. */
  removeCgroup(): void {
    this.isGone = true;
    this.host.removeCgroup(this.name);
    this.host.linux.everyProcFile = undefined;
  }

  remove(): void {
    this.host.remove();
  }

  private lenient(files: CgroupFiles): CgroupFiles {
    const ensure = (controller: Controller, name: string) => {
      if (this.isGone || this.content === undefined || name.includes('/')) return;
      this.host.writeCgroup(this.name, controller, { [name]: this.content });
    };
    return {
      version: files.version,
      directory: (controller) => files.directory(controller),
      unifiedDirectory: () => files.unifiedDirectory(),
      pids: () => [],
      pidsBelow: () => [],
      file: (controller, name) => {
        ensure(controller, name);
        return this.mortal(files.file(controller, name), -1);
      },
      value: (controller, name) => {
        ensure(controller, name);
        return this.mortal(files.value(controller, name), false);
      },
      keyed: (controller, name, keys) => {
        ensure(controller, name);
        return this.mortal(files.keyed(controller, name, keys), false);
      },
      unifiedFile: (name) => {
        ensure('memory', name);
        return this.mortal(files.unifiedFile(name), -1);
      },
      text: (controller, name) => {
        ensure(controller, name);
        return files.text(controller, name);
      },
    };
  }

  /** A file that returns ENODEV once the cgroup is removed, as the kernel does. */
  private mortal<T extends KernelFile | Pick<KernelValue, 'read' | 'failure'>>(
    file: T | undefined,
    failed: -1 | false,
  ): T | undefined {
    if (file === undefined) return undefined;
    const isGone = () => this.isGone;
    return new Proxy(file, {
      get(target, member) {
        if (isGone() && member === 'read') return () => failed;
        if (isGone() && member === 'failure') return 'ENODEV';
        const value = Reflect.get(target, member, target) as unknown;
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
  }
}
