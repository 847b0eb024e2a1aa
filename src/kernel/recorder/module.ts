import { CAPSULES } from '../capsules/index.js';
import { LIFECYCLES, type Module, Token } from '../composition/index.js';
import { CONFIG } from '../config/index.js';
import { CONTAINER_OBSERVERS, CONTAINERS } from '../containers/index.js';
import { HOUSEKEEPER } from '../housekeeping/index.js';
import { CLOCK, LOGS } from '../log/index.js';
import { COMMON_TIMER } from '../timing/index.js';
import { VIEW } from '../view/index.js';
import { Recorder } from './recorder.js';

const RECORDER = new Token<Recorder | undefined>('capsule recorder');

export const recorderModule: Module = {
  name: 'recorder',
  register(registry) {
    registry.provide(
      RECORDER,
      [CAPSULES, VIEW, CONTAINERS, CLOCK, LOGS, CONFIG, HOUSEKEEPER, COMMON_TIMER],
      (capsules, view, containers, clock, logs, active, { caughtUp: begin }, timer) => {
        const { store } = capsules;
        const maxPerMinute = () => active.config.recorder.maxPerMinute;
        const logger = logs.logger('recorder');
        const options = { view, containers, capsules, clock, timer, logger, maxPerMinute, begin };
        return store && new Recorder(store, options);
      },
    );
    registry.contribute(LIFECYCLES, [RECORDER], (recorder) => recorder ?? {});
    registry.contribute(CONTAINER_OBSERVERS, [RECORDER], (recorder) => recorder ?? {});
  },
};
