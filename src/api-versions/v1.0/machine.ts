import type { Core, MachineInfo, Node } from '../../kernel/contracts/index.js';
import { nullWhenEmpty } from './json.js';

/** The members that MachineInfo and the v2 attributes share, in this order. */
export function machineMembers(machine: MachineInfo) {
  return {
    filesystems: nullWhenEmpty(
      machine.filesystems.map(({ device, capacity, type, inodes, has_inodes }) => ({
        device,
        capacity,
        type,
        inodes,
        has_inodes,
      })),
    ),
    disk_map: machine.disk_map,
    network_devices: machine.network_devices,
    topology: nullWhenEmpty(machine.topology.map(nodeJson)),
    cloud_provider: machine.cloud_provider,
    instance_type: machine.instance_type,
  };
}

export function machineJson(machine: MachineInfo) {
  return {
    timestamp: machine.timestamp,
    vendor_id: machine.vendor_id,
    num_cores: machine.num_cores,
    num_physical_cores: machine.num_physical_cores,
    num_sockets: machine.num_sockets,
    ...(machine.num_books > 0 && { num_books: machine.num_books }),
    ...(machine.num_drawers > 0 && { num_drawers: machine.num_drawers }),
    cpu_frequency_khz: machine.cpu_frequency_khz,
    memory_capacity: machine.memory_capacity,
    swap_capacity: machine.swap_capacity,
    memory_by_type: machine.memory_by_type,
    nvm: machine.nvm,
    hugepages: nullWhenEmpty(machine.hugepages),
    machine_id: machine.machine_id,
    system_uuid: machine.system_uuid,
    boot_id: machine.boot_id,
    ...machineMembers(machine),
    instance_id: machine.instance_id,
  };
}

function nodeJson({ node_id, memory, hugepages, cores, caches, distances }: Node) {
  return {
    node_id,
    memory,
    hugepages: nullWhenEmpty(hugepages),
    cores: nullWhenEmpty(cores.map(coreJson)),
    caches: nullWhenEmpty(caches),
    distances: nullWhenEmpty(distances),
  };
}

function coreJson({ core_id, thread_ids, caches, uncore_caches, ...groups }: Core) {
  return {
    core_id,
    thread_ids: nullWhenEmpty(thread_ids),
    caches: nullWhenEmpty(caches),
    uncore_caches: nullWhenEmpty(uncore_caches),
    ...groups,
  };
}
