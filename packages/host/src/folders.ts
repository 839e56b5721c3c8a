import { printable } from '@tessera/errors';
import {
  checkRequest,
  inspectModel,
  listPlugins,
  loadPlugins,
  outlineModel,
  stepsOf,
  unknownModel,
  type ModelOutline,
  type PluginFacts,
  type PluginProblem,
} from '@tessera/models';
import type { Checked, GenerationRequest } from '@tessera/request';
import { createEngine } from '@tessera/targets';
import { describeModel, errorParts, type ModelDescription } from './protocol.ts';
import { disposeQuietly } from './open-models.ts';

/** A model folder that cannot be used, and why. */
export interface ModelProblem {
  readonly folder: string;
  readonly code: string;
  readonly message: string;
}

/** What can be known of models without their weights: enough to describe them and to check requests. */
export interface ModelFolders {
  readonly models: readonly ModelDescription[];
  readonly problems: readonly ModelProblem[];
  /** Tessera's own plug-ins and the project's. */
  readonly plugins: readonly PluginFacts[];
  /** What of the project's configuration was left out. */
  readonly pluginProblems: readonly PluginProblem[];
  /** Sentences for the operator: what has changed since models were made. */
  readonly remarks: readonly string[];
  /**
   * Checks a request by its model. It does not open the pictures of an edit, as `readEdit` does.
   * @throws TesseraError `unknown-model`, and the codes of `checkRequest` of @tessera/models
   */
  check(request: GenerationRequest): Checked<GenerationRequest>;
  /** In how many steps the images of a request are made, all at once: see `stepsOf` of @tessera/models. */
  steps(request: Checked<GenerationRequest>): number;
  /** By name; undefined where there is no such model. */
  find(name: string): FoundModel | undefined;
}

export interface FoundModel {
  readonly folder: string;
  readonly outline: ModelOutline;
  readonly description: ModelDescription;
}

/**
 * Looks at every model folder: its `model.json` and the headers of its weight files. That finds what is damaged, except for
 * altered numbers, which show when the model is loaded. `config` is the project's configuration, null for none.
 */
export async function describeFolders(folders: readonly string[], config: string | null): Promise<ModelFolders> {
  const { plugins, problems: pluginProblems } = await loadPlugins(config);
  const engine = createEngine({ target: 'eager' });
  const found = new Map<string, FoundModel>();
  const problems: ModelProblem[] = [];
  for (const folder of folders) {
    try {
      const outline = await outlineModel(folder, plugins);
      const model = await inspectModel(folder, { engine, plugins });
      found.set(model.name, { folder, outline, description: describeModel(model) });
      disposeQuietly(model);
    } catch (error) {
      problems.push({ folder, ...errorParts(error) });
    }
  }
  engine.dispose();
  const find = (name: string): FoundModel | undefined => found.get(name);
  const all = [...found.values()];
  const require = (name: string): ModelOutline => {
    const model = find(name);
    if (model) return model.outline;
    const next = 'Put its folder into models/ and start again.';
    throw unknownModel(name, [...found.keys()], { who: 'host', next });
  };
  return {
    models: all.map(({ description }) => description),
    problems,
    plugins: listPlugins(plugins),
    pluginProblems,
    remarks: all.flatMap(({ outline: { manifest, remarks } }) =>
      remarks.map((remark) => `${printable(manifest.name, 120)}: ${remark}`),
    ),
    check: (request) => checkRequest(require(request.model), request),
    steps: (request) => stepsOf(require(request.model), request),
    find,
  };
}
