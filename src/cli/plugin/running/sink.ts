import { type DeliveryError, messageOf, type Sink, TallymanError } from '../../../kernel/contracts/index.js';
import { deliverOnce } from '../../../kernel/delivery/index.js';
import { systemClock, type TestContext, testContext } from '../../../testing/index.js';
import { BASIC_SOURCES, parsedOptions, type RunSetup, withHostAgent } from './setup.js';

/** Lets a sink send the newest samples of this host once. */
export async function runSink(setup: RunSetup): Promise<boolean> {
  const { plugin, error } = setup;
  let isDelivered = false;
  await withHostAgent(setup, BASIC_SOURCES, async ({ view }) => {
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
    const left = results.reduce((sum, { rejected = 0 }) => sum + rejected, 0);
    out(
      `Sent ${points} data points in ${batches} ${batches === 1 ? 'batch' : 'batches'} (${bytes} bytes): the receiver took ${left === 0 ? 'all' : points - left} of them.`,
    );
    for (const message of new Set(results.map(({ message = '' }) => message))) {
      if (message !== '') error(`the receiver says of what it left out: ${message}`);
    }
    await sink.stop?.();
    return true;
  } catch (failure) {
    error(`the receiver did not take the batch: ${reasonOf(failure)}`);
    const { isPermanent, hint } = failure as Partial<DeliveryError>;
    if (hint !== undefined) error(hint);
    error(
      isPermanent === true
        ? 'it refuses such a batch for good: an agent drops it and counts it as refused'
        : 'an agent keeps such a batch and tries again',
    );
    await sink.stop?.();
    return false;
  }
}

/** What went wrong, with the cause that `fetch` hides. */
function reasonOf(failure: unknown): string {
  const { cause } = failure as { cause?: unknown };
  return cause === undefined || failure instanceof TallymanError
    ? messageOf(failure)
    : `${messageOf(failure)}: ${messageOf(cause)}`;
}
