import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Layout } from '@tessera/core';
import { printable } from '@tessera/errors';
import {
  checkRequest,
  inspectModel,
  listPlugins,
  loadPlugins,
  outlineAt,
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
export interface KnownModels {
  models(): readonly ModelDescription[];
  problems(): readonly ModelProblem[];
  /** Tessera's own plug-ins and the project's. */
  plugins(): readonly PluginFacts[];
  /** What of the project's configuration was left out. */
  pluginProblems(): readonly PluginProblem[];
  /**
   * Checks a request by its model. It does not open the pictures of an edit, as `readEdit` does.
   * @throws TesseraError `unknown-model`, and the codes of `checkRequest` of @tessera/models
   */
  check(request: GenerationRequest): Checked<GenerationRequest>;
  /** Path of the picture of its samples that a model brings along; null where it has none. */
  samplesOf(name: string): string | null;
  /** In how many steps the images of a request are made, all at once: see `stepsOf` of @tessera/models. */
  steps(request: Checked<GenerationRequest>): number;
  /** Where the tokens of its images lie. @throws TesseraError `unknown-model`, `size-unsupported` */
  layout(request: Pick<GenerationRequest, 'model' | 'size'>): Layout;
}

/** Model folders that were looked at. */
export interface ModelFolders extends KnownModels {
  /** Sentences for the operator: what has changed since models were made. */
  readonly remarks: readonly string[];
  /** By name; undefined where there is no such model. */
  find(name: string): FoundModel | undefined;
}

export interface FoundModel {
  readonly folder: string;
  readonly outline: ModelOutline;
  readonly description: ModelDescription;
  /** Path of the picture of its samples; null where there is none. */
  readonly samples: string | null;
}

/** Where the evaluation of a training leaves what the model has drawn. */
const SAMPLES = 'images/samples.png';

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
      const samples = existsSync(join(folder, SAMPLES)) ? join(folder, SAMPLES) : null;
      found.set(model.name, { folder, outline, description: describeModel(model, outline), samples });
      disposeQuietly(model);
    } catch (error) {
      problems.push({ folder, ...errorParts(error) });
    }
  }
  engine.dispose();
  return new DescribedFolders(found, { problems, plugins: listPlugins(plugins), pluginProblems });
}

interface Findings {
  readonly problems: readonly ModelProblem[];
  readonly plugins: readonly PluginFacts[];
  readonly pluginProblems: readonly PluginProblem[];
}

class DescribedFolders implements ModelFolders {
  readonly #found: ReadonlyMap<string, FoundModel>;
  readonly #findings: Findings;

  constructor(found: ReadonlyMap<string, FoundModel>, findings: Findings) {
    this.#found = found;
    this.#findings = findings;
  }

  get remarks(): readonly string[] {
    return [...this.#found.values()].flatMap(({ outline: { manifest, remarks } }) =>
      remarks.map((remark) => `${printable(manifest.name, 120)}: ${remark}`),
    );
  }

  models(): readonly ModelDescription[] {
    return [...this.#found.values()].map(({ description }) => description);
  }

  problems(): readonly ModelProblem[] {
    return this.#findings.problems;
  }

  plugins(): readonly PluginFacts[] {
    return this.#findings.plugins;
  }

  pluginProblems(): readonly PluginProblem[] {
    return this.#findings.pluginProblems;
  }

  check(request: GenerationRequest): Checked<GenerationRequest> {
    return checkRequest(this.#outlineOf(request.model), request);
  }

  steps(request: Checked<GenerationRequest>): number {
    return stepsOf(this.#outlineOf(request.model), request);
  }

  layout(request: Pick<GenerationRequest, 'model' | 'size'>): Layout {
    return outlineAt(this.#outlineOf(request.model), request.size).facts.layout;
  }

  samplesOf(name: string): string | null {
    return this.#found.get(name)?.samples ?? null;
  }

  find(name: string): FoundModel | undefined {
    return this.#found.get(name);
  }

  #outlineOf(name: string): ModelOutline {
    const model = this.#found.get(name);
    if (model) return model.outline;
    const next = 'Put its folder into models/ and start again.';
    throw unknownModel(name, [...this.#found.keys()], { who: 'host', next });
  }
}
