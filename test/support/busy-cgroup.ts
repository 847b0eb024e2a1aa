import assert from 'node:assert/strict';
import type { AgentProcess } from './agent-process.js';
import { cpuUsage } from './kernel-oracle.js';
import { RealCgroup } from './real-cgroup.js';

interface Sample {
  readonly timestamp: string;
  readonly cpu?: { readonly usage: { readonly total: number } };
  readonly memory?: { readonly usage: number };
}

/** Uses a CPU in small parts, so that a test does not slow the others down. */
export const BUSY_SCRIPT = 'while :; do i=0; while [ $i -lt 2000 ]; do i=$((i + 1)); done; sleep 0.05; done';

/** A cgroup that always does something, so that an agent's numbers of it can be distinguished from old ones. */
export class BusyCgroup {
  readonly cgroup: RealCgroup;

  constructor(name: string) {
    this.cgroup = new RealCgroup(`/tallyman-test-${process.pid}-${name}`);
  }

  get name(): string {
    return this.cgroup.name;
  }

  async start(): Promise<this> {
    this.cgroup.create();
    await this.cgroup.run(BUSY_SCRIPT);
    return this;
  }

  remove(): Promise<void> {
    return this.cgroup.remove();
  }

  /** The agent takes samples now, and they lie between what the kernel says before and after. */
  async assertCounted(agent: AgentProcess): Promise<void> {
    const startedAt = Date.now();
    const before = cpuUsage(this.cgroup);
    const path = `/api/v2.0/stats${this.name}?count=1`;
    const answer = await agent.until<Record<string, Sample[]>>(
      path,
      (all) => Date.parse(all[this.name]?.[0]?.timestamp ?? '') > startedAt,
      `a fresh sample of ${this.name}`,
    );
    const { cpu, memory } = answer[this.name]![0]!;
    const total = cpu?.usage.total ?? Number.NaN;
    const after = cpuUsage(this.cgroup);
    assert.ok(total >= before && total <= after, `${before} ≤ ${total} ≤ ${after}`);
    assert.ok(memory !== undefined && memory.usage > 0);
  }
}
