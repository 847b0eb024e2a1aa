/** One size of huge pages and how many of them are reserved. */
export interface HugePages {
  /** kB */
  readonly page_size: number;
  readonly num_pages: number;
}

/** A cache of a core or node. */
export interface Cache {
  /** bytes */
  readonly size: number;
  /** `Data`, `Instruction` or `Unified` */
  readonly type: string;
  readonly level: number;
}

export interface Core {
  readonly core_id: number;
  readonly thread_ids: readonly number[];
  readonly caches: readonly Cache[];
}

/** A NUMA node. */
export interface Node {
  readonly node_id: number;
  /** bytes */
  readonly memory: number;
  readonly hugepages: readonly HugePages[];
  readonly cores: readonly Core[];
  readonly caches: readonly Cache[];
}

/** A filesystem of the host that is tracked. */
export interface MachineFilesystem {
  readonly device: string;
  /** bytes */
  readonly capacity: number;
  /** `vfs` for everything measured by statfs */
  readonly type: string;
  readonly inodes: number;
  readonly has_inodes: boolean;
}

export interface Disk {
  readonly name: string;
  readonly major: number;
  readonly minor: number;
  /** bytes */
  readonly size: number;
  readonly scheduler: string;
}

export interface NetworkDevice {
  readonly name: string;
  readonly mac_address: string;
  /** Mbit/s; −1 as the kernel says, 0 unreadable */
  readonly speed: number;
  readonly mtu: number;
}

/** The host, in the order and under the names of the REST API (contract 7.6). */
export interface MachineInfo {
  readonly num_cores: number;
  readonly cpu_frequency_khz: number;
  /** bytes */
  readonly memory_capacity: number;
  /** bytes of swap */
  readonly swap_capacity: number;
  readonly hugepages: readonly HugePages[];
  readonly machine_id: string;
  readonly system_uuid: string;
  readonly boot_id: string;
  readonly filesystems: readonly MachineFilesystem[];
  /** By `major:minor`, sorted. */
  readonly disk_map: Readonly<Record<string, Disk>>;
  readonly network_devices: readonly NetworkDevice[];
  readonly topology: readonly Node[];
  readonly cloud_provider: string;
  readonly instance_type: string;
  readonly instance_id: string;
}

/** Software versions of the host (contract 7.7). */
export interface HostVersions {
  /** `uname -r` */
  readonly kernelVersion: string;
  /** PRETTY_NAME of os-release, or `Unknown` */
  readonly osVersion: string;
}

/** A tracked filesystem, with what the `storage` answer adds to the machine's list. */
export interface TrackedFilesystem {
  readonly device: string;
  readonly mountpoint: string;
  readonly major: number;
  readonly minor: number;
  /** As in `MachineFilesystem`: `vfs` for everything measured by statfs. */
  readonly type: string;
  /** `root`, `docker-images`, … */
  readonly labels: readonly string[];
}

/** A process of the host (contract 7.4 ProcessInfo, 8.9). */
export interface ProcessInfo {
  readonly user: string;
  readonly pid: number;
  readonly parent_pid: number;
  readonly start_time: string;
  readonly percent_cpu: number;
  readonly percent_mem: number;
  /** bytes */
  readonly rss: number;
  /** bytes */
  readonly virtual_size: number;
  readonly status: string;
  readonly running_time: string;
  readonly cgroup_path: string;
  readonly cmd: string;
  readonly fd_count: number;
  /** last CPU it ran on */
  readonly psr: number;
}
