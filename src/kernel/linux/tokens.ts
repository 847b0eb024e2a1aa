import { Token } from '../composition/index.js';
import type { CgroupFiles, HostPaths } from '../contracts/index.js';
import type { CgroupHierarchies } from './cgroup/index.js';
import type { DescriptorBudget } from './files/index.js';

export const HOST_PATHS = new Token<HostPaths>('host paths');
export const HIERARCHIES = new Token<CgroupHierarchies>('cgroup hierarchies');
export const DESCRIPTORS = new Token<DescriptorBudget>('descriptors');
/** The files of a cgroup by its name. */
export const CGROUP_FILES = new Token<(name: string) => CgroupFiles>('cgroup files');
