// A real Kafka broker (KRaft mode): what is in the topic is what the API says, also after the broker was killed.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import kafkajs, { type Consumer, type Kafka } from 'kafkajs';
import protobuf from 'protobufjs';
import { until } from '../../src/testing/until.js';
import { projectRoot } from '../project.js';
import { AgentProcess } from '../support/agent-process.js';
import { freePort } from '../support/free-port.js';
import { KAFKA_CACHE, needs } from '../support/needs.js';
import { RealCgroup } from '../support/real-cgroup.js';
import { StandaloneServer } from '../support/standalone-server.js';
import { assertAsInApi, COMPARED, microsOf, numbersOfDocument, type StoredNumber } from '../support/stored-numbers.js';

const NAME = `/tallyman-test-${process.pid}-kafka`;
/** The start counts, not the time after it. */
const JAVA = ['-Xmx256m', '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-cp', join(KAFKA_CACHE, 'libs/*')];

interface Message {
  readonly topic: string;
  readonly key: string;
  readonly value: string;
  readonly bytes: Buffer;
}

const { root } = protobuf.parse(readFileSync(join(projectRoot, 'config/sample.proto'), 'utf8'));
const Sample = root.lookupType('tallyman.v1.Sample');

/** The compared numbers of a message with `format: protobuf`. */
function numbersOfMessage({ bytes }: Message): StoredNumber[] {
  const options = { longs: Number, defaults: false };
  const { time, metrics } = Sample.toObject(Sample.decode(bytes), options) as {
    readonly time: number;
    readonly metrics: readonly { readonly name: string; readonly integer?: number; readonly number?: number }[];
  };
  return metrics
    .filter(({ name }) => COMPARED.includes(name))
    .map(({ name, integer, number }) => ({ metric: name, value: integer ?? number!, timeUs: time }));
}

describe('a Kafka broker', { skip: needs('cgroups', 'kafka', 'java') }, () => {
  const cgroup = new RealCgroup(NAME);
  const messages: Message[] = [];
  let broker: StandaloneServer;
  let kafka: Kafka;
  let consumer: Consumer | undefined;
  let agent: AgentProcess;

  before(async () => {
    cgroup.create();
    await cgroup.run('while sleep 0.1; do head -c 100000 /dev/zero | sha256sum; done > /dev/null');
    const port = await freePort();
    broker = await startBroker(port);
    const address = `127.0.0.1:${port}`;
    kafka = new kafkajs.Kafka({ brokers: [address], logLevel: kafkajs.logLevel.NOTHING });
    const admin = kafka.admin();
    await admin.connect();
    await admin.createTopics({
      waitForLeaders: true,
      topics: ['samples', 'driver', 'protobuf'].map((topic) => ({ topic, numPartitions: 3 })),
    });
    await admin.disconnect();
    await consume();
    const common = `brokers: ["${address}"], interval: 500ms, retry: { longest: 1s }, host: h, containersInclude: ["${NAME}"]`;
    agent = await AgentProcess.start(`
housekeeping: { interval: 500ms, maxInterval: 500ms }
plugins:
  - { use: docker, enabled: false }
  - { use: podman, enabled: false }
  - { use: kafka, with: { topic: samples, resolution: all, ${common} } }
  - { use: kafka, id: kafka-protobuf, with: { topic: protobuf, format: protobuf, ${common} } }
  - { use: kafka, id: kafka-cadvisor, with: { topic: driver, layout: cadvisor, compression: none, ${common} } }
`);
  });

  after(async () => {
    await agent?.stop();
    await consumer?.disconnect();
    await broker?.remove();
    await cgroup.remove();
  });

  /** Reads the topics from their beginning. */
  async function consume(): Promise<void> {
    await consumer?.disconnect();
    messages.length = 0;
    consumer = kafka.consumer({
      groupId: `test-${Date.now()}`,
      // A consumer that starts itself again after the broker was killed would never end.
      retry: { restartOnFailure: async () => false },
    });
    await consumer.connect();
    await consumer.subscribe({ topics: ['samples', 'driver', 'protobuf'], fromBeginning: true });
    await consumer.run({
      eachMessage: async ({ topic, message: { key, value } }) => {
        messages.push({ topic, key: String(key), value: String(value), bytes: value! });
      },
    });
  }

  async function startBroker(port: number): Promise<StandaloneServer> {
    const controller = await freePort();
    const ready = async () => {
      const socket = connect(port, '127.0.0.1');
      await once(socket, 'connect');
      socket.destroy();
    };
    const args = (folder: string) => [...JAVA, 'kafka.Kafka', `${folder}/server.properties`];
    const server = new StandaloneServer('java', args, { ready, startTimeoutMs: 60_000 });
    const properties = server.write(
      'server.properties',
      [
        'process.roles=broker,controller',
        'node.id=1',
        `controller.quorum.voters=1@127.0.0.1:${controller}`,
        `listeners=PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controller}`,
        `advertised.listeners=PLAINTEXT://127.0.0.1:${port}`,
        'controller.listener.names=CONTROLLER',
        'listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT',
        `log.dirs=${server.directory}/data`,
        'offsets.topic.num.partitions=1',
        'offsets.topic.replication.factor=1',
        'group.initial.rebalance.delay.ms=0',
        // A broker that was killed is taken for gone so soon, and may come back.
        'broker.session.timeout.ms=1000',
        'broker.heartbeat.interval.ms=200',
      ].join('\n'),
    );
    const format = ['kafka.tools.StorageTool', 'format', '-t', '4L6g3nShT-eMCtK--X86sw', '-c', properties];
    execFileSync('java', [...JAVA, ...format], { stdio: 'ignore' });
    return server.start();
  }

  const of = (topic: string) => messages.filter((message) => message.topic === topic);

  it('has the numbers of the API, keyed by host and container', async () => {
    await until(
      () => of('samples').length > 4,
      () => agent.output,
    );
    await assertAsInApi(
      agent,
      NAME,
      of('samples').flatMap(({ value }) => numbersOfDocument(value)),
    );
    for (const { key } of messages) assert.equal(key, `h${NAME}`);
  });

  it('has the numbers of the API as protobuf', async () => {
    await until(
      () => of('protobuf').length > 4,
      () => agent.output,
    );
    await assertAsInApi(agent, NAME, of('protobuf').flatMap(numbersOfMessage));
  });

  it('has documents as cAdvisor’s driver wrote them, with the sample of API v1', async () => {
    await until(
      () => of('driver').length > 0,
      () => agent.output,
    );
    const { timestamp, container_stats, ...names } = JSON.parse(of('driver').at(-1)!.value) as Record<string, unknown>;
    assert.deepEqual(names, { machine_name: 'h', container_Name: NAME });
    const { stats } = await agent.json<{ stats: { timestamp: string }[] }>(`/api/v1.3/containers${NAME}?num_stats=-1`);
    assert.deepEqual(
      container_stats,
      stats.find((sample) => sample.timestamp === timestamp),
    );
  });

  it('gets everything, in order, after it was killed and came back', async () => {
    await broker.end('SIGKILL');
    await until(
      () => /cannot deliver: 127\.0\.0\.1:\d+ topic samples/.test(agent.output),
      () => agent.output,
    );
    await broker.start();
    await until(
      () => agent.output.split('batches are delivered again; nothing was lost').length > 3,
      () => agent.output,
      60_000,
    );
    const back = Date.now() * 1000;
    const times = () => of('samples').map(({ value }) => microsOf((JSON.parse(value) as { time: string }).time));
    await consume();
    await until(
      () => times().some((time) => time > back),
      () => `${times().length} messages\n${agent.output}`,
      60_000,
    );
    // What was acknowledged after the kill and before the answer arrived is there twice.
    const stored = [...new Set(times())];
    assert.deepEqual(
      stored,
      [...stored].sort((a, b) => a - b),
    );
    const answer = await agent.json<Record<string, { stats: { timestamp: string }[] }>>(
      `/api/v2.1/stats${NAME}?type=name&count=1000`,
    );
    const taken = answer[NAME]!.stats.map(({ timestamp }) => microsOf(timestamp));
    assert.deepEqual(
      stored,
      taken.filter((time) => time >= stored[0]! && time <= stored.at(-1)!),
    );
  });
});
