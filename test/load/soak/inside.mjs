// Loaded into the agent by `--import`: steps its wall clock when asked to, and says what it holds after a collection.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc');
const SystemDate = Date;
let offsetMs = 0;

globalThis.Date = class extends SystemDate {
  constructor(...given) {
    if (given.length === 0) super(SystemDate.now() + offsetMs);
    else super(...given);
  }

  static now() {
    return SystemDate.now() + offsetMs;
  }
};

const orders = {
  step({ ms }) {
    offsetMs += ms;
  },
  measure() {
    collectGarbage();
    collectGarbage();
    const { heapUsed, external, rss } = process.memoryUsage();
    const timers = process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    process.send({ heap: heapUsed, external, rss, timers });
  },
};

process.on('message', (message) => orders[message.order](message));
process.channel?.unref();
