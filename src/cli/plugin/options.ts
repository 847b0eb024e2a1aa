import { parse } from 'yaml';
import { messageOf, TallymanError } from '../../kernel/contracts/index.js';

/**
 * The options of a plugin as `--with` gives them.
 * @param text YAML
 * @throws TallymanError when it is no mapping
 */
export function parseOptions(text: string): Readonly<Record<string, unknown>> {
  const hint = "--with '{ interval: 5s }'";
  let value: unknown;
  try {
    value = parse(text);
  } catch (error) {
    throw new TallymanError(`--with is not YAML: ${messageOf(error)}`, { hint });
  }
  if (value === null) return {};
  if (typeof value === 'object' && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new TallymanError(`--with is no mapping of options: ${text}`, { hint });
}
