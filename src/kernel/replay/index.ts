export { replayModule } from './replay-module.js';
