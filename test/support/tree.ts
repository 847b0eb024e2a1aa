export { HostTree, type TreeFiles } from '../../src/testing/host-tree.js';
