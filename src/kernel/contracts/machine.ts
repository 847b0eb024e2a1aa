/** The number of reserved huge pages of one size. */
export interface HugePages {
  /** kB */
  readonly page_size: number;
  readonly num_pages: number;
}

/** A cache of a core or node. */
export interface Cache {
  /** The kernel's number of the cache among those of its level and type; 0 when unknown. */
  readonly id: number;
  /** bytes */
  readonly size: number;
  /** `Data`, `Instruction` or `Unified` */
  readonly type: string;
  readonly level: number;
}

export interface Core {
  readonly core_id: number;
  readonly thread_ids: readonly number[];
  /** Caches used by this core only. */
  readonly caches: readonly Cache[];
  /** Caches shared with some, but not all, cores of its node. */
  readonly uncore_caches: readonly Cache[];
  readonly socket_id: number;
  /** Groups of sockets, and of those (IBM Z); absent elsewhere. */
  readonly book_id?: number;
  readonly drawer_id?: number;
}

/** A NUMA node. */
export interface Node {
  readonly node_id: number;
  /** bytes */
  readonly memory: number;
  readonly hugepages: readonly HugePages[];
  readonly cores: readonly Core[];
  /** Caches shared by all its cores. */
  readonly caches: readonly Cache[];
  /** Distance to each node by number; 10 for the node itself. */
  readonly distances: readonly number[];
}

/** Memory modules of one type. */
export interface MemoryModules {
  /** bytes */
  readonly capacity: number;
  readonly dimm_count: number;
}

/** Non-volatile memory. */
export interface NvmInfo {
  /** bytes */
  readonly memory_mode_capacity: number;
  /** bytes; the blank is part of the name */
  readonly 'app direct_mode_capacity': number;
  /** watts */
  readonly avg_power_budget: number;
}

/** A tracked filesystem of the host. */
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

/** The host, with the member names and order of the REST API. */
export interface MachineInfo {
  /** When this was read, RFC 3339. */
  readonly timestamp: string;
  /** Vendor of the processor (`GenuineIntel`). */
  readonly vendor_id: string;
  /** Threads. */
  readonly num_cores: number;
  readonly num_physical_cores: number;
  readonly num_sockets: number;
  /** Groups of sockets, and of those (IBM Z); 0 elsewhere. */
  readonly num_books: number;
  readonly num_drawers: number;
  readonly cpu_frequency_khz: number;
  /** bytes */
  readonly memory_capacity: number;
  /** bytes of swap */
  readonly swap_capacity: number;
  /** By type, from the driver of the memory controller (EDAC); empty without a driver. */
  readonly memory_by_type: Readonly<Record<string, MemoryModules>>;
  readonly nvm: NvmInfo;
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

/** Software versions of the host. */
export interface HostVersions {
  /** `uname -r` */
  readonly kernelVersion: string;
  /** PRETTY_NAME of os-release, or `Unknown` */
  readonly osVersion: string;
}

/** A tracked filesystem, with the additional members of `storage`. */
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

/** A process of the host. */
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
