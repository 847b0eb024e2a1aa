export { SimulatedLinux as TestHost } from '../../src/testing/linux-host.js';
