import type { AgentView } from '../../kernel/contracts/index.js';
import { machineMembers, nullWhenEmpty } from '../v1.0/index.js';

export function attributesJson(agent: AgentView) {
  const machine = agent.host.machine();
  const { kernelVersion, osVersion } = agent.host.versions();
  const docker = agent.runtimes().find(({ name }) => name === 'docker');
  return {
    kernel_version: kernelVersion,
    container_os_version: osVersion,
    docker_version: docker?.version ?? '',
    docker_api_version: docker?.apiVersion ?? '',
    cadvisor_version: `v${agent.version}`,
    num_cores: machine.num_cores,
    cpu_frequency_khz: machine.cpu_frequency_khz,
    memory_capacity: machine.memory_capacity,
    machine_id: machine.machine_id,
    system_uuid: machine.system_uuid,
    hugepages: nullWhenEmpty(machine.hugepages),
    ...machineMembers(machine),
  };
}
