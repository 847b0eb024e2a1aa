import {
  type CST,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  Parser,
  parseDocument,
  visit,
  type YAMLError,
} from 'yaml';
import { messageOf } from '../contracts/index.js';
import { type ConfigPath, type ConfigProblem, formatPath } from './problems.js';

/** A parsed config text: data, syntax problems and positions. */
export interface ConfigDocument {
  /** `{}` when the text is empty or invalid. */
  readonly data: unknown;
  readonly problems: readonly ConfigProblem[];
  /** The position of a value, of its key when `key` is true, or of the nearest enclosing node that exists. */
  positionOf(path: ConfigPath, key?: boolean): { line: number; column: number };
}

const MAX_DEPTH = 64;
/** Levels of the text; a mapping in a mapping may take two. */
const MAX_TEXT_DEPTH = 4 * MAX_DEPTH;

/** Parses YAML 1.2 or JSON. Never throws: errors are in `problems`. */
export function parseConfigText(text: string, file: string): ConfigDocument {
  try {
    return readDocument(text, file);
  } catch (error) {
    return unreadable(file, { line: 1, column: 1 }, `cannot be read: ${messageOf(error)}`);
  }
}

function unreadable(file: string, at: { line: number; column: number }, message: string): ConfigDocument {
  return { data: {}, problems: [{ source: file, ...at, path: '', message }], positionOf: () => at };
}

/**
 * Where YAML text is nested too deeply to be parsed. To be asked first: what makes a document of it is recursive, and
 * Node.js aborts when the stack ends while a regular expression is compiled.
 */
export function tooDeepAt(text: string): { line: number; column: number } | undefined {
  const lines = new LineCounter();
  const rest: { token: CST.Token | null | undefined; depth: number }[] = [];
  for (const token of new Parser(lines.addNewLine).parse(text)) rest.push({ token, depth: 0 });
  for (let next = rest.pop(); next !== undefined; next = rest.pop()) {
    const { token, depth } = next;
    if (!token) continue;
    if (depth > MAX_TEXT_DEPTH) return positionIn(lines, token.offset);
    if (token.type === 'document') rest.push({ token: token.value, depth: depth + 1 });
    if (!('items' in token)) continue;
    for (const { key, value } of token.items) {
      rest.push({ token: key, depth: depth + 1 }, { token: value, depth: depth + 1 });
    }
  }
  return undefined;
}

function readDocument(text: string, file: string): ConfigDocument {
  const lines = new LineCounter();
  const tooDeep = tooDeepAt(text);
  if (tooDeep !== undefined) return unreadable(file, tooDeep, 'nested too deeply');
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    uniqueKeys: true,
    logLevel: 'error',
    stringKeys: false,
  });
  const at = (offset: number) => positionIn(lines, offset);
  const problems: ConfigProblem[] = [...document.errors, ...document.warnings].map((error) => ({
    source: file,
    ...at(error.pos[0]),
    path: '',
    message: syntaxMessage(error, text),
  }));
  if (problems.length === 0) problems.push(...forbiddenNodes(document, file, at));
  return {
    data: problems.length === 0 ? dataOf(document, file, problems) : {},
    problems,
    positionOf: (path, key = false) => at(offsetOf(document, path, key)),
  };
}

function positionIn(lines: LineCounter, offset: number): { line: number; column: number } {
  const { line, col } = lines.linePos(offset);
  return { line: Math.max(1, line), column: Math.max(1, col) };
}

function syntaxMessage({ code, message, pos }: YAMLError, text: string): string {
  if (code !== 'DUPLICATE_KEY') return message;
  const key = /^[^:\r\n]{1,60}/.exec(text.slice(pos[0]))?.[0].trim() ?? '';
  return `${key} is given twice; each option can be given once`;
}

function dataOf(document: Document, file: string, problems: ConfigProblem[]): unknown {
  try {
    return document.toJS() ?? {};
  } catch (error) {
    problems.push({ source: file, line: 1, column: 1, path: '', message: messageOf(error) });
    return {};
  }
}

/** Finds YAML that a config must not have: numbers that change when parsed, non-scalar keys, cycles, deep nesting. */
function forbiddenNodes(document: Document, file: string, at: (offset: number) => { line: number; column: number }) {
  const problems: ConfigProblem[] = [];
  const report = (node: Node, ancestors: Parameters<typeof pathOf>[0], message: string) =>
    problems.push({ source: file, ...at(node.range?.[0] ?? 0), path: formatPath(pathOf(ancestors, node)), message });
  visit(document, {
    Scalar(_, node, ancestors) {
      const message = numberProblem(node.value, node.source);
      if (message !== undefined) report(node, ancestors, message);
    },
    Pair(_, pair, ancestors) {
      if (!isScalar(pair.key)) report((pair.key ?? document.contents) as Node, ancestors, 'expected a name as key');
    },
    Alias(_, node, ancestors) {
      const target = node.resolve(document);
      if (ancestors.some((ancestor) => ancestor === target)) report(node, ancestors, `*${node.source} contains itself`);
    },
    Collection(_, node, ancestors) {
      if (ancestors.length <= MAX_DEPTH) return undefined;
      report(node, ancestors, 'nested too deeply');
      return visit.BREAK;
    },
  });
  return problems;
}

function numberProblem(value: unknown, source: string | undefined): string | undefined {
  if (typeof value !== 'number' || source === undefined) return undefined;
  if (/^[-+]?0\d+$/.test(source)) {
    return `${source} may be meant as octal or as decimal; write 0o${source.replace(/^[-+]?0+/, '') || '0'} or leave out the leading zero, or quote it when it is text`;
  }
  const isInteger = /^[-+]?(\d+|0o[0-7]+|0x[0-9a-fA-F]+)$/.test(source);
  if (isInteger && !Number.isSafeInteger(value)) {
    return `${source} is too large for an exact number (above 2^53 - 1); quote it when it is text`;
  }
  if (!Number.isFinite(value) && !/inf|nan/i.test(source)) return `${source} is too large for a number`;
  return undefined;
}

function pathOf(ancestors: readonly (Document | Node | Pair)[], node: Node): ConfigPath {
  const path: PropertyKey[] = [];
  const chain = [...ancestors, node];
  for (let index = 1; index < chain.length; index++) {
    const parent = chain[index - 1];
    if (isSeq(parent)) path.push(parent.items.indexOf(chain[index]));
    else if (!isMap(parent) && parent !== undefined && 'key' in parent && isScalar(parent.key)) {
      path.push(String(parent.key.value));
    }
  }
  return path;
}

function offsetOf(document: Document, path: ConfigPath, key: boolean): number {
  let node: unknown = document.contents;
  let offset = startOf(node) ?? 0;
  for (const [index, segment] of path.entries()) {
    if (isAlias(node)) node = node.resolve(document);
    if (isMap(node)) {
      const pair = node.items.find(({ key: name }) => isScalar(name) && String(name.value) === String(segment));
      if (pair === undefined) return offset;
      const isLast = index === path.length - 1;
      offset = (key && isLast ? startOf(pair.key) : (startOf(pair.value) ?? startOf(pair.key))) ?? offset;
      node = pair.value;
    } else if (isSeq(node)) {
      node = node.items[Number(segment)];
      offset = startOf(node) ?? offset;
    } else return offset;
  }
  return offset;
}

function startOf(node: unknown): number | undefined {
  return (node as Node | null | undefined)?.range?.[0];
}
