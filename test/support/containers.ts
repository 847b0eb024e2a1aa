import { Container, type ContainerFacts } from '../../src/kernel/containers/index.js';
import type { CgroupFiles, ContainerDescription } from '../../src/kernel/contracts/index.js';

/** A raw cgroup. */
export const DESCRIPTION: ContainerDescription = {
  aliases: [],
  labels: {},
  envs: {},
  networkMode: 'none',
  state: { status: 'running' },
};

/** The record of a container, of which only the name matters unless facts are given. */
export function containerNamed(name: string, facts: Partial<ContainerFacts> = {}): Container {
  return new Container({
    name,
    description: DESCRIPTION,
    handlerId: 'raw',
    cgroup: { version: 1, text: () => undefined } as unknown as CgroupFiles,
    controllers: new Set(),
    missing: [],
    firstSeenAt: 0,
    ...facts,
  });
}
