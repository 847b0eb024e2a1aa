import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { Agent } from '../../kernel/agent.js';
import { type Capsule, capsuleFile, decodeCapsule } from '../../kernel/capsules/index.js';
import { ConfigError, loadConfig, parsePort } from '../../kernel/config/index.js';
import { TallymanError } from '../../kernel/contracts/index.js';
import { LoggerSource } from '../../kernel/log/index.js';
import { replayModule } from '../../kernel/replay/index.js';
import { REPLAY_ROOMS } from '../../kernel/rooms.js';
import { builtinPlugins, builtinsModule, defaultPlugins } from '../../plugins/builtins.js';
import type { CliEnvironment } from '../environment.js';
import type { ConfigFlags } from '../flags.js';
import { agentVersion } from '../version.js';
import { capsuleDirectory } from './capsules.js';

/** Where no configuration is: the one of this host has nothing to do with a capsule. */
const NOWHERE = '/nonexistent';
const SHOWN_KINDS = new Set(['api-version', 'endpoint']);

/** Reads the capsule in a file, or the one of that id on this host. @throws TallymanError */
export async function readCapsule(file: string, cli: CliEnvironment): Promise<Capsule> {
  const directory = capsuleDirectory(cli);
  const path =
    !existsSync(file) && directory !== undefined && !file.includes('/') ? capsuleFile(directory, file) : file;
  let content: Buffer;
  try {
    content = await readFile(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new TallymanError(`no capsule can be read from ${path} (${code})`, {
      hint: '`tallyman capsules` lists them; name a file, or the id of one on this host',
    });
  }
  return decodeCapsule(content, path);
}

/** Serves the capsule until a signal ends it. */
export async function replay(cli: CliEnvironment, flags: ConfigFlags, file: string): Promise<void> {
  const capsule = await readCapsule(file, cli);
  const agent = await replayAgent(capsule, flags.port ?? '0');
  try {
    const { urls } = await agent.start();
    const { label, reasons, createdAt } = capsule.info;
    const why = reasons.map(({ text }) => text).join(', ');
    const time = new Date(createdAt / 1000).toISOString();
    cli.notice(`${label}, ${time} (${why}): ${urls[0]}/containers${capsule.info.container}\n`);
    await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
  } finally {
    await agent.stop();
  }
}

/** An agent that reads nothing but the capsule. */
async function replayAgent(capsule: Capsule, port: string): Promise<Agent> {
  const address = `127.0.0.1:${checkedPort(port)}`;
  const { config, directory } = await loadConfig({
    workingDirectory: NOWHERE,
    systemDirectory: NOWHERE,
    builtins: builtinPlugins,
    defaultPlugins: await shownPlugins(),
    resolvePlugin: async ({ use }) => ({ plugin: await builtinPlugins[use]!(), module: use }),
    overrides: [{ source: '--port', path: ['web', 'listen'], change: () => [address] }],
  });
  return new Agent({
    config,
    version: agentVersion(),
    builtins: builtinPlugins,
    builtinsModule,
    pluginDirectory: directory,
    logs: new LoggerSource({ ...config.log, level: 'warn' }),
    rooms: [...REPLAY_ROOMS, replayModule(capsule)],
  });
}

async function shownPlugins(): Promise<{ readonly use: string }[]> {
  const plugins = await Promise.all(
    defaultPlugins.map(async ({ use }) => ({ use, kind: (await builtinPlugins[use]!()).kind })),
  );
  return plugins.filter(({ kind }) => SHOWN_KINDS.has(kind)).map(({ use }) => ({ use }));
}

function checkedPort(text: string): number {
  const port = parsePort(text);
  if (port !== undefined) return port;
  throw new ConfigError([{ source: '--port', path: '', message: `expected a port, found ${JSON.stringify(text)}` }]);
}
