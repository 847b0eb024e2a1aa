import { join } from 'node:path';
import { LIFECYCLES, type Module, Token } from '../composition/index.js';
import { CONFIG, STATE_DIRECTORY } from '../config/index.js';
import { CONTAINER_OBSERVERS, CONTAINERS } from '../containers/index.js';
import { HOUSEKEEPER } from '../housekeeping/index.js';
import { CLOCK, LOGS } from '../log/index.js';
import { MinuteKeeper } from './minute-keeper.js';

const MINUTES = new Token<MinuteKeeper | undefined>('minute keeper');

export const retentionModule: Module = {
  name: 'retention',
  register(registry) {
    registry.provide(
      MINUTES,
      [CONFIG, STATE_DIRECTORY, CONTAINERS, CLOCK, LOGS, HOUSEKEEPER],
      ({ config }, state, containers, clock, logs, { caughtUp }) => {
        if (state === undefined || !config.history.keepMinutes) return undefined;
        const file = join(state, 'minutes.gz');
        return new MinuteKeeper({ file, containers, clock, logger: logs.logger('retention'), begin: caughtUp });
      },
    );
    registry.contribute(LIFECYCLES, [MINUTES], (minutes) => minutes ?? {});
    registry.contribute(CONTAINER_OBSERVERS, [MINUTES], (minutes) => minutes ?? {});
  },
};
