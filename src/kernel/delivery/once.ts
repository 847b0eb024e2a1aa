import type { AgentView, Clock, Logger, SendResult, Sink } from '../contracts/index.js';
import { Batcher } from './batcher.js';
import { SampleCollector } from './collector.js';

/** What `deliverOnce` sent. */
export interface DeliveredOnce {
  readonly batches: number;
  readonly points: number;
  /** Bytes of the bodies, as sent. */
  readonly bytes: number;
  /** What the receiver said of each batch. */
  readonly results: readonly SendResult[];
}

/**
 * Sends the newest sample of each container once, without a queue and without trying again.
 * @throws what the sink throws; a DeliveryError when the receiver did not take something
 */
export async function deliverOnce(
  sink: Sink,
  { agent, clock, logger }: { readonly agent: AgentView; readonly clock: Clock; readonly logger: Logger },
  signal: AbortSignal,
): Promise<DeliveredOnce> {
  const collector = new SampleCollector(agent, clock, logger, sink);
  const batcher = new Batcher(sink);
  const sent = { batches: 0, points: 0, bytes: 0, results: [] as SendResult[] };
  const send = async (lane: number) => {
    const { body, points, oldest, newest } = await batcher.take(lane);
    const result = await sink.send({ body, points, oldest, newest, attempts: 0 }, signal);
    sent.batches++;
    sent.points += points;
    sent.bytes += body.length;
    sent.results.push(result ?? {});
  };
  for (const container of collector.current().living) {
    collector.collect(container, () => batcher.add(collector, 0));
    if (batcher.isFull(container.lane)) await send(container.lane);
  }
  for (const lane of batcher.due(0, true)) await send(lane);
  return sent;
}
