export { type FakeAnswer, FakeEngine, fakeContainer, fakeEvent } from '../../src/testing/docker-engine.js';
