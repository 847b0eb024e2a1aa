import {
  type AgentView,
  type Column,
  type SendResult,
  type Sink,
  type SinkBatch,
  sinkOptions,
  z,
} from '../../src/kernel/contracts/index.js';
import { SinkDelivery, type SinkServices } from '../../src/kernel/delivery/sink-delivery.js';
import { FakeClock } from '../../src/testing/index.js';
import { type FakeContainer, fakeAgent } from '../conformance/world/fake-agent.js';
import { scrapable } from './exposition.js';
import { loggerTo } from './loggers.js';

const SECOND = 1_000_000;

const column = (name: string, kind: 'counter' | 'gauge'): Column => ({
  field: { name, unit: 'count', kind, help: 'help', source: { any: 'a test' } },
});
const LOAD = column('cpu.load_average', 'gauge');
const FAULTS = column('memory.failcnt', 'counter');

/** A container with a sample for each pair of a gauge and a counter, one second apart. */
export const sampledContainer = (
  name: string,
  ...pairs: readonly (readonly [gauge: number, counter: number])[]
): FakeContainer => ({
  name,
  samples: pairs.map(([gauge, counter], i) => ({
    time: (i + 1) * SECOND,
    cells: [
      [LOAD, gauge],
      [FAULTS, counter],
    ],
  })),
});

/** Delivery of a sink that sends lines `container metric value`, whose receiver answers what the test says. */
export function sinkBench(options: Record<string, unknown> = {}, more: Partial<Sink> = {}, before?: SinkDelivery) {
  const sent: string[][] = [];
  const answers: (() => SendResult | undefined | Promise<SendResult | undefined>)[] = [];
  const sink: Sink = {
    options: z.strictObject(sinkOptions).parse({ metricsExclude: [], ...options }),
    format: 'lines',
    encode(sample, out) {
      let points = 0;
      for (const [i, { family }] of sample.series.entries()) {
        if (Number.isNaN(sample.value(i))) continue;
        out.text(`${sample.container.name} ${family.name} ${sample.value(i)}\n`);
        points++;
      }
      return points;
    },
    encodeEnd({ name }, _time, out) {
      out.text(`${name} ended\n`);
      return 1;
    },
    async send({ body }: SinkBatch) {
      const result = await answers.shift()?.();
      sent.push(Buffer.from(body).toString().trimEnd().split('\n'));
      return result;
    },
    ...more,
  };
  return { ...deliveryBench(sink, before), sent, answers };
}

/** Delivery of a sink, with a clock and containers that the test sets. */
export function deliveryBench(sink: Sink, before?: SinkDelivery) {
  const clock = new FakeClock();
  const lines: string[] = [];
  const faults: string[] = [];
  /** Time attributed to the sink outside of the timer's calls, ms. */
  const spent = { ms: 0 };
  let view = fakeAgent({ containers: [] });
  const agent = new Proxy({} as AgentView, { get: (_, key) => view[key as keyof AgentView] });
  const services: SinkServices = {
    agent,
    clock,
    logger: loggerTo(lines),
    timers: clock.timersFor((error) => faults.push(String(error))),
    call: (_, call) => call(),
    succeeded: () => {},
    failed: () => {},
    fault: (what, error) => faults.push(`${what}: ${error}`),
    spent: (ms) => {
      spent.ms += ms;
    },
  };
  const delivery = new SinkDelivery(sink, services, before);
  return {
    delivery,
    spent,
    clock,
    lines,
    faults,
    show(...containers: FakeContainer[]) {
      view = scrapable(fakeAgent({ containers }));
    },
    /** Lets a round of the sink pass, and what it began. */
    async round(ms = 10_000) {
      await clock.advance(ms);
      for (let i = 0; i < 20; i++) await new Promise((done) => setImmediate(done));
    },
  };
}
