import {
  type ConfigReference,
  configFileSchema,
  configReference,
  renderReference,
  renderSample,
} from '../../kernel/config/index.js';
import { builtinPlugins, defaultPlugins } from '../../plugins/builtins.js';

const RENDERERS = {
  sample: renderSample,
  schema: (reference: ConfigReference) => `${JSON.stringify(configFileSchema(reference), undefined, 2)}\n`,
  reference: renderReference,
};

/** What `tallyman config …` prints, made from the schemas of the agent and of its built-in plugins. */
export async function renderConfig(name: keyof typeof RENDERERS): Promise<string> {
  return RENDERERS[name](await configReference(builtinPlugins, defaultPlugins));
}
