import { messageOf, type Sink } from '../../../kernel/contracts/index.js';
import { systemClock, type TestContext, testContext } from '../../../testing/index.js';
import { BASIC_SOURCES, parsedOptions, type RunSetup, withHostAgent } from './setup.js';

/** Lets a sink push the samples of this host once. */
export async function runSink(setup: RunSetup): Promise<boolean> {
  const { plugin, out, error } = setup;
  let isDelivered = false;
  await withHostAgent(setup, { handlers: true, builtins: BASIC_SOURCES, tested: false }, async ({ view }) => {
    const context = testContext({ id: plugin.name, clock: systemClock, linux: view.host, agent: view });
    try {
      isDelivered = await pushOnce(plugin.create(context, parsedOptions(setup)) as Sink, context, setup);
    } finally {
      context.dispose();
    }
    for (const { level, message } of context.log) if (level !== 'debug') error(`${level}: ${plugin.name}: ${message}`);
    if (isDelivered) out(`It pushed the samples of ${view.containers().length} containers once.`);
  });
  return isDelivered;
}

async function pushOnce(sink: Sink, { signal }: TestContext, { error }: RunSetup): Promise<boolean> {
  try {
    await sink.start?.();
    await sink.push(signal);
    await sink.stop?.();
    return true;
  } catch (failure) {
    const { cause } = failure as { cause?: unknown };
    error(`not everything was delivered: ${messageOf(failure)}${cause === undefined ? '' : `: ${messageOf(cause)}`}`);
    return false;
  }
}
