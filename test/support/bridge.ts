import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A network bridge of the test's own, for an engine whose containers are to have addresses. */
export class Bridge {
  private constructor(
    readonly name: string,
    private readonly subnet: number,
  ) {}

  static async create(): Promise<Bridge> {
    // Interface names have 15 characters at most; the subnet is one that no default network uses.
    const bridge = new Bridge(`tlm${process.pid}`.slice(0, 15), process.pid % 250);
    await run('ip', ['link', 'add', bridge.name, 'type', 'bridge']);
    await run('ip', ['addr', 'add', `10.213.${bridge.subnet}.1/24`, 'dev', bridge.name]);
    await run('ip', ['link', 'set', bridge.name, 'up']);
    return bridge;
  }

  /** Flags of `dockerd` that give its containers addresses on this bridge, and touch no firewall rule. */
  get engineFlags(): readonly string[] {
    return [`--bridge=${this.name}`, '--iptables=false', '--ip6tables=false', '--ip-masq=false', '--ip-forward=false'];
  }

  async remove(): Promise<void> {
    await run('ip', ['link', 'del', this.name]);
  }
}
