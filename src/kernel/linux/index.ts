export * from './cgroup/index.js';
export { DescriptorBudget } from './files/index.js';
