import { setTimeout as pause } from 'node:timers/promises';
import type { AgentView, Clock, Logger, Sink } from '../contracts/index.js';
import { type PluginRecord, type Supervisor, TimerSet } from '../supervision/index.js';
import type { CommonTimer } from '../timing/index.js';
import { isDeliveryError } from './sender.js';
import { SinkDelivery } from './sink-delivery.js';

/** How long a change of the options waits for batches that are being sent. */
const SUSPEND_LIMIT_MS = 2_000;

/** The delivery of a stopped sink, kept for the instance that replaces it. */
interface Parked {
  readonly plugin: string;
  readonly delivery: SinkDelivery;
}

/** Delivers for all sinks. The queue of a sink is kept when its options change. */
export class Delivery {
  private readonly active = new Map<string, SinkDelivery>();
  private readonly parked = new Map<string, Parked>();

  constructor(
    private readonly supervisor: Supervisor,
    private readonly agent: AgentView,
    private readonly clock: Clock,
    private readonly timer: Pick<CommonTimer, 'after'>,
  ) {}

  /** Begins to deliver for a sink that has started. */
  start(record: PluginRecord, sink: Sink, logger: Logger): void {
    const { supervisor, agent, clock, timer } = this;
    const before = this.parked.get(record.id);
    this.parked.delete(record.id);
    const known = before?.plugin === record.source ? before.delivery : undefined;
    const delivery = new SinkDelivery(
      sink,
      {
        agent,
        clock,
        logger,
        timers: new TimerSet(
          (callback, what) => supervisor.call(record, what, async () => callback(), false).catch(() => {}),
          timer,
        ),
        call: (what, call) => supervisor.timed(record, what, call),
        succeeded: () => record.succeeded(clock.now()),
        failed: (error, reason) => {
          // What a receiver answers is no fault of the sink; the sender logs it.
          if (isDeliveryError(error)) record.failed(reason, clock.now(), clock.monotonic(), false);
          else supervisor.fault(record, 'send', error, false);
        },
        fault: (what, error) => supervisor.fault(record, what, error, false),
        spent: (ms) => {
          record.busyMs += ms;
        },
      },
      known,
    );
    this.active.set(record.id, delivery);
    record.delivery = () => delivery.status();
    record.pace = delivery;
    void delivery.start();
  }

  /** Ends the deliveries of a sink: new and waiting samples are sent, as far as the receiver takes them within the time. */
  async finish(record: PluginRecord, limitMs: number, logger: Logger): Promise<void> {
    const delivery = this.active.get(record.id);
    const parked = this.parked.get(record.id)?.delivery;
    this.active.delete(record.id);
    record.pace = undefined;
    this.parked.delete(record.id);
    // A sink that ignores its signal must not delay the stop.
    const ended = await within(limitMs, delivery === undefined ? parked?.close() : delivery.finish(limitMs));
    const left = ended ?? delivery?.queue.points;
    if (left === undefined || left === 0) return;
    delivery?.counts.drop('stopped', left);
    logger.warn(`${left} data points could not be delivered before the stop and are lost`, {
      hint: 'queue: { directory } keeps them over a restart',
    });
  }

  /** Ends the deliveries of a sink that is about to be replaced; its queue is kept for the new instance. */
  async suspend(record: PluginRecord): Promise<void> {
    const delivery = this.active.get(record.id);
    if (delivery === undefined) return;
    this.active.delete(record.id);
    record.pace = undefined;
    await within(SUSPEND_LIMIT_MS, delivery.suspend());
    this.parked.set(record.id, { plugin: record.source, delivery });
  }
}

/** The result of a promise; `undefined` when it takes longer than the limit. */
async function within<T>(limitMs: number, result: Promise<T> | undefined): Promise<T | undefined> {
  const abort = new AbortController();
  const late = pause(limitMs, undefined, { signal: abort.signal }).catch(() => undefined);
  try {
    return await Promise.race([result, late]);
  } finally {
    abort.abort();
  }
}
