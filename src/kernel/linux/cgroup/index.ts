export { createCgroupFiles } from './cgroup-files.js';
export { type CgroupHierarchies, type CgroupMount, controllersIn, detectHierarchies } from './hierarchies.js';
export { type Creation, type LimitOptions, readCreationTime, readLimits, readMemoryLimit } from './limits.js';
