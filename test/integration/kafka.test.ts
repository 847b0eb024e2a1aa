// A real Kafka broker (KRaft mode): what is in the topic is what the API says, over TLS and SASL too, and after the broker was killed.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import kafkajs, { type Consumer, type Kafka } from 'kafkajs';
import protobuf from 'protobufjs';
import { until } from '../../src/testing/clock.js';
import { projectRoot } from '../project.js';
import { AgentProcess } from '../support/agent-process.js';
import { TestAuthority } from '../support/certificates.js';
import { freePort } from '../support/free-port.js';
import { KAFKA_CACHE, needs } from '../support/needs.js';
import { RealCgroup } from '../support/real-cgroup.js';
import { StandaloneServer } from '../support/standalone-server.js';
import { assertAsInApi, COMPARED, microsOf, numbersOfDocument, type StoredNumber } from '../support/stored-numbers.js';

const NAME = `/tallyman-test-${process.pid}-kafka`;
/** The start counts, not the time after it. */
const JAVA = ['-Xmx256m', '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-cp', join(KAFKA_CACHE, 'libs/*')];

const USER = 'alice';
const PASSWORD = 'secret-of-alice';
const WRONG_PASSWORD = 'not-the-secret';
/** Topics of the sinks that authenticate, one for each way. */
const SECURE_TOPICS = ['scram-sha-512', 'scram-sha-256', 'plain', 'client-certificate'];
const TOPICS = ['samples', 'driver', 'protobuf', 'late-password', ...SECURE_TOPICS];

interface Ports {
  readonly plain: number;
  /** TLS and SASL. */
  readonly sasl: number;
  /** TLS with client certificates. */
  readonly tls: number;
}

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
  let hasCrashed = false;
  let agent: AgentProcess;
  const directory = mkdtempSync(join(tmpdir(), 'tallyman-test-kafka-'));
  const passwordFile = join(directory, 'password');

  before(async () => {
    const authority = new TestAuthority(directory);
    const other = new TestAuthority(directory, 'other');
    const client = authority.issue('agent');
    const server = authority.issue('broker');
    writeFileSync(passwordFile, `${WRONG_PASSWORD}\n`);
    cgroup.create();
    await cgroup.run('while sleep 0.1; do head -c 100000 /dev/zero | sha256sum; done > /dev/null');
    const ports: Ports = { plain: await freePort(), sasl: await freePort(), tls: await freePort() };
    broker = await startBroker(ports, authority.ca, server);
    const address = `127.0.0.1:${ports.plain}`;
    kafka = new kafkajs.Kafka({ brokers: [address], logLevel: kafkajs.logLevel.NOTHING });
    const admin = kafka.admin();
    await admin.connect();
    await admin.createTopics({
      waitForLeaders: true,
      topics: TOPICS.map((topic) => ({ topic, numPartitions: 3 })),
    });
    await admin.disconnect();
    await consume();
    const options = `interval: 500ms, retry: { longest: 1s }, host: h, containersInclude: ["${NAME}"]`;
    // The first broker of each does not answer; the address in brackets is the same one as IPv6.
    const unreachable = `127.0.0.1:${await freePort()}`;
    const common = `brokers: ["${unreachable}", "${address}"], ${options}`;
    const byIpv6 = `brokers: ["[::ffff:127.0.0.1]:${ports.plain}"], ${options}`;
    const secure = (id: string, port: number, rest: string) =>
      `  - { use: kafka, id: ${id}, with: { brokers: ["127.0.0.1:${port}"], secure: true, ${rest}, ${options} } }`;
    const ca = `tls: { ca: "${authority.ca}" }`;
    const user = `username: ${USER}, password: ${PASSWORD}`;
    agent = await AgentProcess.start(`
housekeeping: { interval: 500ms, maxInterval: 500ms }
plugins:
  - { use: docker, enabled: false }
  - { use: podman, enabled: false }
  - { use: kafka, with: { topic: samples, resolution: all, ${common} } }
  - { use: kafka, id: kafka-protobuf, with: { topic: protobuf, format: protobuf, ${byIpv6} } }
  - { use: kafka, id: kafka-cadvisor, with: { topic: driver, layout: cadvisor, compression: none, ${common} } }
${['scram-sha-512', 'scram-sha-256', 'plain']
  .map((mechanism) =>
    secure(mechanism, ports.sasl, `topic: ${mechanism}, ${ca}, sasl: { mechanism: ${mechanism}, ${user} }`),
  )
  .join('\n')}
${secure('client-certificate', ports.tls, `topic: client-certificate, tls: { ca: "${authority.ca}", cert: "${client.cert}", key: "${client.key}" }`)}
${secure('late-password', ports.sasl, `topic: late-password, ${ca}, sasl: { username: ${USER}, passwordFile: "${passwordFile}" }`)}
${secure('unknown-user', ports.sasl, `topic: plain, ${ca}, sasl: { mechanism: plain, username: bob, password: ${WRONG_PASSWORD} }`)}
${secure('wrong-ca', ports.sasl, `topic: plain, tls: { ca: "${other.ca}" }, sasl: { mechanism: plain, ${user} }`)}
${secure('no-certificate', ports.tls, `topic: plain, ${ca}`)}
`);
  });

  after(async () => {
    await agent?.stop();
    await consumer?.disconnect();
    await broker?.remove();
    await cgroup.remove();
    rmSync(directory, { recursive: true, force: true });
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
    hasCrashed = false;
    consumer.on('consumer.crash', () => {
      hasCrashed = true;
    });
    await consumer.connect();
    await consumer.subscribe({ topics: TOPICS, fromBeginning: true });
    await consumer.run({
      eachMessage: async ({ topic, message: { key, value } }) => {
        messages.push({ topic, key: String(key), value: String(value), bytes: value! });
      },
    });
  }

  async function startBroker(
    { plain, sasl, tls }: Ports,
    ca: string,
    own: { readonly cert: string; readonly key: string },
  ): Promise<StandaloneServer> {
    const controller = await freePort();
    const ready = async () => {
      const socket = connect(plain, '127.0.0.1');
      await once(socket, 'connect');
      socket.destroy();
    };
    const args = (folder: string) => [...JAVA, 'kafka.Kafka', `${folder}/server.properties`];
    const server = new StandaloneServer('java', args, { ready });
    const keys = server.write('keys.pem', readFileSync(own.key, 'utf8') + readFileSync(own.cert, 'utf8'));
    const login = 'org.apache.kafka.common.security';
    const addresses = `PLAINTEXT://127.0.0.1:${plain},SASL_SSL://127.0.0.1:${sasl},SSL://127.0.0.1:${tls}`;
    const properties = server.write(
      'server.properties',
      [
        'process.roles=broker,controller',
        'node.id=1',
        `controller.quorum.voters=1@127.0.0.1:${controller}`,
        `listeners=${addresses},CONTROLLER://127.0.0.1:${controller}`,
        `advertised.listeners=${addresses}`,
        'controller.listener.names=CONTROLLER',
        'listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL,SSL:SSL',
        'sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
        `listener.name.sasl_ssl.plain.sasl.jaas.config=${login}.plain.PlainLoginModule required user_${USER}="${PASSWORD}";`,
        `listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config=${login}.scram.ScramLoginModule required;`,
        `listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=${login}.scram.ScramLoginModule required;`,
        'ssl.keystore.type=PEM',
        `ssl.keystore.location=${keys}`,
        'ssl.truststore.type=PEM',
        `ssl.truststore.location=${ca}`,
        'listener.name.ssl.ssl.client.auth=required',
        `log.dirs=${server.directory}/data`,
        'offsets.topic.num.partitions=1',
        'offsets.topic.replication.factor=1',
        'group.initial.rebalance.delay.ms=0',
        // A broker that was killed is taken for gone so soon, and may come back.
        'broker.session.timeout.ms=1000',
        'broker.heartbeat.interval.ms=200',
      ].join('\n'),
    );
    const scram = ['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap((mechanism) => [
      '--add-scram',
      `${mechanism}=[name=${USER},password=${PASSWORD}]`,
    ]);
    const format = ['kafka.tools.StorageTool', 'format', '-t', '4L6g3nShT-eMCtK--X86sw', '-c', properties, ...scram];
    execFileSync('java', [...JAVA, ...format], { stdio: 'ignore' });
    return server.start();
  }

  /** Waits for messages in a topic, also where an overloaded machine made the broker lose its consumer. */
  async function received(topic: string, count: number): Promise<void> {
    await until(
      async () => {
        if (hasCrashed) await consume();
        return of(topic).length >= count;
      },
      () => agent.output,
    );
  }

  const of = (topic: string) => messages.filter((message) => message.topic === topic);

  it('has the numbers of the API, keyed by host and container', async () => {
    await received('samples', 5);
    await assertAsInApi(
      agent,
      NAME,
      of('samples').flatMap(({ value }) => numbersOfDocument(value)),
    );
    for (const { key } of messages) assert.equal(key, `h${NAME}`);
  });

  it('has the numbers of the API as protobuf', async () => {
    await received('protobuf', 5);
    await assertAsInApi(agent, NAME, of('protobuf').flatMap(numbersOfMessage));
  });

  it('has documents as cAdvisor’s driver wrote them, with the sample of API v1', async () => {
    await received('driver', 1);
    const { timestamp, container_stats, ...names } = JSON.parse(of('driver').at(-1)!.value) as Record<string, unknown>;
    assert.deepEqual(names, { machine_name: 'h', container_Name: NAME });
    const { stats } = await agent.json<{ stats: { timestamp: string }[] }>(`/api/v1.3/containers${NAME}?num_stats=-1`);
    assert.deepEqual(
      container_stats,
      stats.find((sample) => sample.timestamp === timestamp),
    );
  });

  for (const topic of SECURE_TOPICS) {
    it(`has the numbers of the API from a sink that authenticates by ${topic}`, async () => {
      await received(topic, 5);
      await assertAsInApi(
        agent,
        NAME,
        of(topic).flatMap(({ value }) => numbersOfDocument(value)),
      );
    });
  }

  it('refuses sinks with wrong credentials or certificates, and each says why without its password', async () => {
    const said = (id: string, words: RegExp) =>
      agent.output.split('\n').some((line) => line.includes(id) && /cannot deliver/.test(line) && words.test(line));
    for (const [id, words] of [
      ['late-password', /authentication failed.*SCRAM-SHA-512/i],
      ['unknown-user', /authentication failed.*invalid.*(username|password)/i],
      ['wrong-ca', /self-signed certificate|unable to verify|unable to get/],
      ['no-certificate', /certificate required|handshake failure|bad certificate/],
    ] as const) {
      await until(
        () => said(id, words),
        () => `${id}: ${agent.output}`,
      );
    }
    assert.ok(!agent.output.includes(PASSWORD) && !agent.output.includes(WRONG_PASSWORD), agent.output);
  });

  it('gets what waited once the password file has the right password', async () => {
    writeFileSync(passwordFile, `${PASSWORD}\n`);
    await received('late-password', 5);
    await assertAsInApi(
      agent,
      NAME,
      of('late-password').flatMap(({ value }) => numbersOfDocument(value)),
    );
  });

  it('gets everything, in order, after it was killed and came back', async () => {
    const recoveries = () => agent.output.split('batches are delivered again; nothing was lost').length - 1;
    const before = recoveries();
    await broker.end('SIGKILL');
    await until(
      () => /cannot deliver: [\d.:,]+ topic samples/.test(agent.output),
      () => agent.output,
    );
    await broker.start();
    await until(
      () => recoveries() >= before + TOPICS.length,
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
