import { messageOf, type Sink } from '../../../kernel/contracts/index.js';
import { deliverOnce } from '../../../kernel/delivery/index.js';
import { systemClock, type TestContext, testContext } from '../../../testing/index.js';
import { BASIC_SOURCES, parsedOptions, type RunSetup, withHostAgent } from './setup.js';

/** Lets a sink send the newest samples of this host once. */
export async function runSink(setup: RunSetup): Promise<boolean> {
  const { plugin, error } = setup;
  let isDelivered = false;
  await withHostAgent(setup, { handlers: true, builtins: BASIC_SOURCES, tested: false }, async ({ view }) => {
    const context = testContext({ id: plugin.name, clock: systemClock, linux: view.host, agent: view });
    try {
      isDelivered = await sendOnce(plugin.create(context, parsedOptions(setup)) as Sink, context, setup);
    } finally {
      context.dispose();
    }
    for (const { level, message } of context.log) if (level !== 'debug') error(`${level}: ${plugin.name}: ${message}`);
  });
  return isDelivered;
}

async function sendOnce(sink: Sink, context: TestContext, { out, error }: RunSetup): Promise<boolean> {
  try {
    await sink.start?.();
    const { batches, points, bytes, results } = await deliverOnce(sink, context, context.signal);
    out(`It sent ${points} data points in ${batches} ${batches === 1 ? 'batch' : 'batches'}, ${bytes} bytes.`);
    for (const { rejected = 0, message = '' } of results) {
      if (rejected > 0) error(`the receiver left out ${rejected} data points: ${message}`);
    }
    await sink.stop?.();
    return true;
  } catch (failure) {
    const { cause } = failure as { cause?: unknown };
    error(`not everything was delivered: ${messageOf(failure)}${cause === undefined ? '' : `: ${messageOf(cause)}`}`);
    return false;
  }
}
