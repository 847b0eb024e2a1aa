export * from './cgroup/index.js';
export { DescriptorBudget, isDirectory, readTrimmed } from './files/index.js';
export {
  createLinuxHost,
  type RefreshableHost,
  readBootTime,
  UNKNOWN_MACHINE,
} from './host.js';
export { hostFile, resolveHostPaths } from './host-paths.js';
export { parseMountinfo } from './mounts.js';
export { startTicksOf } from './processes/index.js';
export { CGROUP_FILES, DESCRIPTORS, HIERARCHIES, HOST_PATHS } from './tokens.js';
