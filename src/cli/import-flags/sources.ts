import { readFileSync, statSync } from 'node:fs';
import { parseAllDocuments } from 'yaml';
import { tooDeepAt } from '../../kernel/config/index.js';
import { TallymanError } from '../../kernel/contracts/index.js';
import { wordsOf } from './words.js';

const VERSION_OR_PLATFORM = '(?:-(?:v?\\d[\\w.]*|linux|arm\\w*|amd64|aarch64|x86_64|s390x|ppc64le))*';
/** The program or its image in a command line; the tag may be a variable. */
const PROGRAM = new RegExp(`(^|[/}-])cadvisor${VERSION_OR_PLATFORM}(:[\\w.\${}:-]+)?(@sha256:[0-9a-f]+)?}?$`);
const ENGINE = /(^|\/)(docker|podman|nerdctl)$/;
/** Boolean options of `docker run`. */
const ENGINE_SWITCH = /^(-[ditP]+|--(rm|detach|interactive|tty|privileged|init|read-only|publish-all|no-healthcheck))$/;
/** Words that end a shell command. */
const SHELL_END = /^(\d?>.*|&&?|\|\|?|;)$/;

/** How a cAdvisor is started. */
export interface Started {
  /** The flags of cAdvisor. */
  readonly words: readonly string[];
  /** Published ports of its container, as written. */
  readonly published: readonly string[];
}

/**
 * Finds how cAdvisor is started.
 * @param given a command line as one word, its words, or the name of a script, compose file, manifest or unit
 * @throws TallymanError when a file cannot be read, or another program is started
 */
export function startedBy(given: readonly string[]): Started {
  const [first = ''] = given;
  const isNamed = given.length === 1 && isFile(first);
  const found = isNamed ? fromFile(read(first)) : fromCommand(given.length > 1 ? given : wordsOf(first));
  if (found !== undefined) return found;
  // A command line may hold passwords, and is not repeated.
  throw new TallymanError(`${isNamed ? first : 'the command line'} runs no cAdvisor that could be recognised`, {
    hint: "give its command line: tallyman import-flags '/usr/bin/cadvisor -port=8080 …'",
  });
}

function fromFile(text: string): Started | undefined {
  const joined = text.replaceAll(/\\\r?\n/g, ' ');
  if (/^\s*\[Container\]\s*$/m.test(joined)) return fromQuadlet(joined);
  if (/^\s*ExecStart\s*=/m.test(joined)) return fromUnit(joined);
  return fromYaml(text) ?? fromScript(joined);
}

/** Flags without a program are treated as cAdvisor's. */
function fromCommand(words: readonly string[]): Started | undefined {
  const isFlagsAlone = words.every((word, index) => index > 0 || word.startsWith('-'));
  return afterProgram(words) ?? (isFlagsAlone ? { words, published: [] } : undefined);
}

/** The part after the program of `docker run … image --flags` or `/usr/bin/cadvisor --flags`. */
function afterProgram(all: readonly string[]): Started | undefined {
  const end = all.findIndex((word) => SHELL_END.test(word));
  const words = end < 0 ? all : all.slice(0, end);
  const engine = words.findIndex((word) => ENGINE.test(word));
  const index = words.findIndex((word, at) => {
    if (!PROGRAM.test(word) || word.startsWith('-')) return false;
    const before = words[at - 1] ?? '';
    // `--name cadvisor` names the container, not the image.
    return engine < 0 || !before.startsWith('-') || before.includes('=') || ENGINE_SWITCH.test(before);
  });
  if (index < 0) return undefined;
  const options = engine < 0 ? [] : words.slice(engine, index);
  return { words: words.slice(index + 1), published: publishedBy(options) };
}

function fromUnit(text: string): Started | undefined {
  const variables = new Map<string, string>();
  for (const [, assignments = ''] of text.matchAll(/^\s*Environment\s*=(.*)$/gm)) {
    for (const [, name = '', value = ''] of wordsOf(assignments).map((word) => /^(\w+)=(.*)$/s.exec(word) ?? [])) {
      variables.set(name, value);
    }
  }
  for (const [, command = ''] of text.matchAll(/^\s*ExecStart\s*=\s*[-@:+!|]*(.*)$/gm)) {
    const words = wordsOf(command).flatMap((word) => {
      const value = variables.get(/^\$\{?(\w+)\}?$/.exec(word)?.[1] ?? '');
      return value === undefined ? [word.replaceAll('%%', '%').replaceAll('$$', '$')] : wordsOf(value);
    });
    const found = afterProgram(words);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** A container that Podman runs as a unit. */
function fromQuadlet(text: string): Started | undefined {
  const valuesOf = (key: string) =>
    [...text.matchAll(new RegExp(`^\\s*${key}\\s*=\\s*(.*?)\\s*$`, 'gm'))].map(([, value = '']) => value);
  if (!valuesOf('Image').some((image) => PROGRAM.test(image))) return undefined;
  return { words: wordsOf(valuesOf('Exec').join(' ')), published: valuesOf('PublishPort') };
}

/** The first line of a script that runs cAdvisor, not one that only pulls its image. */
function fromScript(text: string): Started | undefined {
  for (const line of text.split(/\r?\n/)) {
    const words = wordsOf(line);
    const engine = words.findIndex((word) => ENGINE.test(word));
    const isRun = engine < 0 || words.slice(engine).some((word) => word === 'run' || word === 'create');
    const found = isRun && !line.trimStart().startsWith('#') ? afterProgram(words) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The first container of a compose file or a manifest that runs cAdvisor. */
function fromYaml(text: string): Started | undefined {
  if (tooDeepAt(text) !== undefined) return undefined;
  for (const document of parseAllDocuments(text)) {
    const root = 'errors' in document && document.errors.length > 0 ? undefined : toJs(document);
    const found = findContainer(root);
    if (found !== undefined) return found;
  }
  return undefined;
}

function toJs(document: unknown): unknown {
  try {
    return (document as { toJS(): unknown }).toJS();
  } catch {
    return undefined;
  }
}

/** @param seen an alias may lead to what it is in */
function findContainer(node: unknown, seen = new Set<unknown>()): Started | undefined {
  if (typeof node !== 'object' || node === null || seen.has(node)) return undefined;
  seen.add(node);
  const { image, entrypoint, command, args, ports } = node as Record<string, unknown>;
  const words = [...asWords(entrypoint), ...asWords(command), ...asWords(args)];
  const isImage = typeof image === 'string' && PROGRAM.test(image);
  const program = afterProgram(words);
  if (isImage || program !== undefined) return { words: program?.words ?? words, published: publishedIn(ports) };
  for (const child of Object.values(node)) {
    const found = findContainer(child, seen);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Compose accepts a string or a list, and `$$` for a dollar sign. */
function asWords(value: unknown): string[] {
  const words = typeof value === 'string' ? wordsOf(value) : Array.isArray(value) ? value.map(String) : [];
  return words.map((word) => word.replaceAll('$$', '$'));
}

function isFile(name: string): boolean {
  try {
    return statSync(name).isFile() && !PROGRAM.test(name);
  } catch {
    return false;
  }
}

function read(name: string): string {
  try {
    return readFileSync(name, 'utf8');
  } catch (error) {
    throw new TallymanError(`${name} cannot be read`, { cause: error });
  }
}

/** A published port of a container. */
export interface PublishedPort {
  /** An address of the host, in brackets if IPv6; empty: all addresses. */
  readonly host: string;
  readonly port: string;
  /** The container's port. */
  readonly container: string;
}

/** Reads `[address:]port:port-of-the-container[/tcp]`; `undefined` when it is not one TCP port of the host. Never throws. */
export function publishedPort(text: string): PublishedPort | undefined {
  const match = /^(?:(\[[0-9a-fA-F:.]+\]|[\d.]+):)?(\d{1,5}):(\d{1,5})(?:\/tcp)?$/.exec(text);
  if (match === null) return undefined;
  const [, host = '', port = '', container = ''] = match;
  return { host, port, container };
}

/** The values of `-p` and `--publish` in the arguments of `docker run`. */
function publishedBy(words: readonly string[]): string[] {
  const texts: string[] = [];
  for (const [index, word] of words.entries()) {
    const [, given] = /^(?:--publish|-p)(?:=(.*)|)$/s.exec(word) ?? /^-p(\d.*)$/s.exec(word) ?? [word];
    const isOption = word === '-p' || word === '--publish' || given !== undefined;
    const text = given ?? words[index + 1];
    if (isOption && text !== undefined) texts.push(text);
  }
  return texts;
}

/** The same for `ports` of a compose file or a manifest, in any form. */
function publishedIn(ports: unknown): string[] {
  if (!Array.isArray(ports)) return [];
  return ports.flatMap((each: unknown) => {
    if (typeof each !== 'object' || each === null) return String(each).includes(':') ? [String(each)] : [];
    const { target, published, host_ip, containerPort, hostPort, hostIP } = each as Record<string, unknown>;
    const port = published ?? hostPort;
    const address = host_ip ?? hostIP;
    if (port === undefined) return [];
    const host = address === undefined ? '' : `${String(address).includes(':') ? `[${address}]` : address}:`;
    return [`${host}${port}:${target ?? containerPort}`];
  });
}
