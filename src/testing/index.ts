/**
 * Everything a plugin's tests need, published as `tallyman/testing`: a simulated host with its clock, cgroup tree,
 * processes, container engine and targets; a whole agent on it; and the checks that `tallyman plugin test` makes.
 */

export { type DeliveredOnce, deliverOnce } from '../kernel/delivery/index.js';
export type { TestAgentOptions, TestedPlugin } from './agent-config.js';
export { contractSetup } from './cases/case-world.js';
export { type CaseFinding, type CaseOptions, runCases } from './cases/run-case.js';
export { FakeClock, SystemTimers, systemClock, type TimerFault, until } from './clock.js';
export { type Collected, collectAll, type TestAccessOptions, testAccess, testContainer } from './collection.js';
export { type LogLine, loggerInto, type TestContext, type TestContextOptions, testContext } from './context.js';
export { type ContractFinding, type ContractOptions, checkContract } from './contract/index.js';
export { type FakeAnswer, FakeEngine, fakeContainer, fakeEvent } from './docker-engine.js';
export { HandlerBench } from './handler-bench.js';
export { HttpTarget, type TargetAnswer, type TargetRequest } from './http-target.js';
export { type LineAnswer, LineTarget } from './line-target.js';
export { SimulatedLinux } from './linux-host.js';
export { absent, attached, nameOf, sampleOf } from './probe.js';
export { RAW, SimulatedHost } from './simulated-host.js';
export { TestAgent, type TestAnswer } from './test-agent.js';
