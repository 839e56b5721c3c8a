import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import {
  checkParts,
  compose,
  guidanceOf,
  optionsOf,
  readOptions,
  sample,
  type Composition,
  type Guidance,
  type JsonSchema,
  type PartFacts,
  type OptionParts,
  type Parts,
  type SampleEvent,
} from '@tessera/core';
import { keyedRng, type Engine } from '@tessera/engine';
import { TesseraError } from '@tessera/errors';
import { sha256Of } from './digest.ts';
import { fileWeights, type FileWeights } from './file-weights.ts';
import { readManifest, weightedComponents, type WeightedComponent } from './manifest.ts';
import type { GenerateRequest, Model, ModelManifest } from './model.ts';
import { resolveParts, type Plugins } from './plugins.ts';
import { rowsOf } from './request-rows.ts';

export interface OpenModelOptions {
  readonly engine: Engine;
  /** Plug-ins besides the built-in ones; on equal names these win. */
  readonly plugins?: Partial<Plugins>;
}

/**
 * Loads a model folder: reads `model.json`, finds the plug-ins by name, checks that they agree, compares every weight
 * file with its digest, and builds the parts. Runs no code of the folder.
 * @throws TesseraError manifest-missing, manifest-malformed, field-..., plugin-unknown, classes-mismatch,
 * weights-missing, weights-altered, weights-mismatch, and what `compose` and the file formats throw
 */
export async function openModel(folder: string, { engine, plugins }: OpenModelOptions): Promise<Model> {
  const manifest = await readManifest(folder);
  const who = join(folder, 'model.json');
  const parts = resolveParts(manifest, who, plugins);
  const facts = checkParts(parts);
  checkClasses(who, manifest, facts);
  await Promise.all(weightedComponents.map((component) => checkFile(folder, manifest, component)));
  const weights = await openWeights(folder, manifest);
  const release = () => weightedComponents.forEach((component) => weights[component].dispose());
  try {
    const composition = compose(parts, { engine, weights });
    for (const component of weightedComponents) weights[component].finish();
    return new FolderModel({ manifest, parts, facts, composition, weights });
  } catch (error) {
    try {
      for (const component of weightedComponents) weights[component].check();
    } finally {
      release();
    }
    throw error;
  }
}

type AllWeights = Readonly<Record<WeightedComponent, FileWeights>>;

async function openWeights(folder: string, manifest: ModelManifest): Promise<AllWeights> {
  const open = (component: WeightedComponent) => fileWeights(join(folder, manifest[component].weights!.file));
  return { tokenizer: await open('tokenizer'), backbone: await open('backbone'), head: await open('head') };
}

async function checkFile(folder: string, manifest: ModelManifest, component: WeightedComponent): Promise<void> {
  const weights = manifest[component].weights;
  const path = join(folder, weights?.file ?? `${component}.safetensors`);
  if (!weights || !(await isFile(path))) {
    throw new TesseraError({
      code: 'weights-missing',
      who: folder,
      got: weights ? `no file ${weights.file}` : `no weights for its ${component} in model.json`,
      expected: `the weights of its ${component}`,
      next: 'Copy or download the model again.',
    });
  }
  const found = await sha256Of(path);
  if (found === weights.sha256) return;
  throw new TesseraError({
    code: 'weights-altered',
    who: path,
    got: `a file whose sha256 is ${found}`,
    expected: `${weights.sha256}, as model.json says`,
    next: 'Copy or download the model again.',
  });
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}

function checkClasses(who: string, { classes }: ModelManifest, facts: PartFacts): void {
  if (classes.length === facts.classes) return;
  throw new TesseraError({
    code: 'classes-mismatch',
    who,
    got: `${classes.length} class names`,
    expected: `${facts.classes}, one for each class of its backbone`,
    next: 'Correct classes.',
  });
}

interface Loaded {
  readonly manifest: ModelManifest;
  readonly parts: Parts;
  readonly facts: PartFacts;
  readonly composition: Composition;
  readonly weights: AllWeights;
}

class FolderModel implements Model {
  readonly name: string;
  readonly manifest: ModelManifest;
  readonly parameters: number;
  readonly image: Model['image'];
  readonly space: Model['space'];
  readonly layout: Model['layout'];
  readonly options: JsonSchema;
  readonly #loaded: Loaded;
  #disposed = false;

  constructor(loaded: Loaded) {
    this.#loaded = loaded;
    this.manifest = loaded.manifest;
    this.name = loaded.manifest.name;
    this.parameters = weightedComponents.reduce((sum, component) => sum + loaded.weights[component].parameters, 0);
    this.image = loaded.composition.tokenizer.image;
    this.space = loaded.facts.space;
    this.layout = loaded.facts.layout;
    this.options = optionsWithDefaults(optionsOf(this.#optionParts()), loaded.manifest.defaults.options);
  }

  /** The request is checked at once, before the first event is asked for. */
  generate(request: GenerateRequest): AsyncGenerator<SampleEvent> {
    const { facts, composition } = this.#loaded;
    const { defaults } = this.manifest;
    if (this.#disposed) throw this.#refuse('model-disposed', 'a request after it was disposed', 'an open model');
    const rows = rowsOf(request, { who: this.name, classes: facts.classes });
    const options = readOptions(this.#optionParts(), { ...defaults.options, ...request.options }, this.name);
    return sample(composition, {
      rows,
      options,
      guidance: this.#guidance(request.guidance),
      kept: null,
      preview: request.preview ?? defaults.preview,
      rng: keyedRng(rows.map(({ seed }) => seed)),
      signal: request.signal ?? new AbortController().signal,
      written: request.written ?? [],
    });
  }

  #optionParts(): OptionParts {
    const { parts, facts } = this.#loaded;
    return { order: parts.order.plugin, head: parts.head.plugin, layout: facts.layout };
  }

  #guidance(scale: number | undefined): Guidance {
    const { guidance } = this.manifest.defaults;
    if (scale !== undefined && guidance.kind === 'none') {
      throw this.#refuse('guidance-unsupported', `guidance ${scale}`, 'none: this model was made without a null class');
    }
    return guidanceOf({ kind: guidance.kind, scale: scale ?? guidance.scale });
  }

  #refuse(code: string, got: string, expected: string): TesseraError {
    return new TesseraError({ code, who: this.name, got, expected });
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    const { composition, weights } = this.#loaded;
    for (const part of [composition.tokenizer, composition.backbone, composition.head]) part.dispose();
    for (const component of weightedComponents) weights[component].dispose();
  }
}

/** The schema of all options, with the model's own choices as defaults. */
function optionsWithDefaults({ properties, ...rest }: ReturnType<typeof optionsOf>, own: Readonly<Record<string, unknown>>): JsonSchema {
  const entries = Object.entries(properties).map(([name, property]) => {
    return [name, Object.hasOwn(own, name) ? { ...property, default: own[name] } : property] as const;
  });
  return { ...rest, properties: Object.fromEntries(entries) };
}
