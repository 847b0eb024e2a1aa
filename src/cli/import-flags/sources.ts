import { readFileSync, statSync } from 'node:fs';
import { parseAllDocuments } from 'yaml';
import { TallymanError } from '../../kernel/contracts/index.js';
import { wordsOf } from './words.js';

/** Where command lines of containers name the program or its image. */
const PROGRAM = /(^|\/)cadvisor(-v?\d[\w.]*)?(:[\w.-]+)?(@sha256:[0-9a-f]+)?$/;

/**
 * The words of a cAdvisor command line.
 * @param given a command line as one word, its words, or the name of a compose file, manifest or unit
 * @throws TallymanError when a file cannot be read or holds no cAdvisor
 */
export function commandOf(given: readonly string[]): string[] {
  const [first = ''] = given;
  if (given.length > 1) return afterProgram([...given]);
  if (!isFile(first)) return afterProgram(wordsOf(first));
  const text = read(first);
  const words = /^\s*ExecStart\s*=/m.test(text) ? fromUnit(text) : fromYaml(text);
  if (words === undefined) {
    throw new TallymanError(`${first} runs no cAdvisor that could be recognised`, {
      hint: "give its command line: tallyman import-flags '/usr/bin/cadvisor -port=8080 …'",
    });
  }
  return words;
}

/** Of `docker run … image --flags` and `/usr/bin/cadvisor --flags` what comes after the program. */
function afterProgram(words: string[]): string[] {
  const index = words.findLastIndex((word) => PROGRAM.test(word) && !word.startsWith('-'));
  return index < 0 ? words : words.slice(index + 1);
}

function fromUnit(text: string): string[] | undefined {
  const joined = text.replaceAll(/\\\r?\n/g, ' ');
  for (const [, command = ''] of joined.matchAll(/^\s*ExecStart\s*=\s*[-@:+!|]*(.*)$/gm)) {
    const words = wordsOf(command).map((word) => word.replaceAll('%%', '%').replaceAll('$$', '$'));
    if (words.some((word) => PROGRAM.test(word))) return afterProgram(words);
  }
  return undefined;
}

/** The first container of a compose file or a manifest that runs cAdvisor. */
function fromYaml(text: string): string[] | undefined {
  for (const document of parseAllDocuments(text)) {
    const found = findContainer('errors' in document && document.errors.length > 0 ? undefined : toJs(document));
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

function findContainer(node: unknown): string[] | undefined {
  if (typeof node !== 'object' || node === null) return undefined;
  const { image, entrypoint, command, args } = node as Record<string, unknown>;
  const words = [...asWords(entrypoint), ...asWords(command), ...asWords(args)];
  const isImage = typeof image === 'string' && PROGRAM.test(image);
  if (isImage || words.some((word) => PROGRAM.test(word))) return afterProgram(words);
  for (const child of Object.values(node)) {
    const found = findContainer(child);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Compose takes one text or a list, and `$$` for a dollar. */
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
