export { FakeClock as TestClock, systemClock as CLOCK } from '../../src/testing/clock.js';
export { absent, attached, nameOf, sampleOf } from '../../src/testing/probe.js';
export { RAW, SimulatedHost as FileTree } from '../../src/testing/simulated-host.js';
