import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { compose, disposeAll, sample, type Composition, type SampleEvent } from '@tessera/core';
import type { Report } from '@tessera/plugin-kit';
import type { JsonSchema } from '@tessera/schema';
import { checkWeightFile } from '@tessera/checkpoints';
import { keyedRng, type Engine } from '@tessera/engine';
import { TesseraError } from '@tessera/errors';
import { checkEdit, sampleEdit } from './edit.ts';
import { imageBytes } from './image-bytes.ts';
import { weightedComponents, type WeightedComponent } from './manifest.ts';
import type { GenerateRequest, Model, ModelManifest } from './model.ts';
import { optionsSchema, outlineModel, readRequest, type ModelOutline } from './outline.ts';
import type { Plugins } from './plugins/built-in.ts';
import { fileWeights, sha256Of } from './weight-files.ts';
import type { FileWeights } from './weights.ts';

export interface OpenModelOptions {
  readonly engine: Engine;
  /** Plug-ins besides the built-in ones; on equal names these win. */
  readonly plugins?: Partial<Plugins>;
  /** Nobody else makes tensors in this process while the model generates: a part that leaks them is found and named. */
  readonly watchLeaks?: boolean;
  /** Told of a call of a part that lasts long: a line, on standard error where nobody takes it. */
  readonly report?: Report;
}

/**
 * Loads a model folder: reads `model.json`, finds the plug-ins by name, checks that they agree, compares every weight
 * file with its digest, and builds the parts. Runs no code of the folder.
 * @throws TesseraError manifest-missing, manifest-malformed, field-..., plugin-unknown, classes-mismatch,
 * weights-missing, weights-altered, weights-mismatch, and what `compose` and the file formats throw
 */
export async function openModel(
  folder: string,
  { engine, plugins, watchLeaks = false, report }: OpenModelOptions,
): Promise<Model> {
  const outline = await outlineModel(folder, plugins, { watchLeaks, ...(report && { report }) });
  const { manifest, parts } = outline;
  await Promise.all(weightedComponents.map((component) => checkFile(folder, manifest, component)));
  const weights = await openWeights(folder, manifest);
  const release = () => weightedComponents.forEach((component) => weights[component].dispose());
  try {
    const composition = compose(parts, { engine, weights });
    for (const component of weightedComponents) weights[component].finish();
    return new FolderModel({ engine, outline, composition, weights });
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
  await checkWeightFile(path); // a pointer of Git LFS, say, is told as what it is
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

interface Loaded {
  readonly engine: Engine;
  readonly outline: ModelOutline;
  readonly composition: Composition;
  readonly weights: AllWeights;
}

class FolderModel implements Model {
  readonly name: string;
  readonly manifest: ModelManifest;
  readonly parameters: number;
  readonly imageBytes: number;
  readonly image: Model['image'];
  readonly space: Model['space'];
  readonly layout: Model['layout'];
  readonly options: JsonSchema;
  readonly #loaded: Loaded;
  #disposed = false;

  constructor(loaded: Loaded) {
    this.#loaded = loaded;
    const { manifest, facts } = loaded.outline;
    this.manifest = manifest;
    this.name = manifest.name;
    this.parameters = weightedComponents.reduce((sum, component) => sum + loaded.weights[component].parameters, 0);
    this.imageBytes = imageBytes({
      facts,
      parameters: loaded.weights.backbone.parameters,
      guidance: manifest.defaults.guidance.kind,
    });
    this.image = loaded.composition.tokenizer.image;
    this.space = facts.space;
    this.layout = facts.layout;
    this.options = optionsSchema(loaded.outline);
  }

  /** The request is checked at once, before the first event is asked for. */
  generate(request: GenerateRequest): AsyncGenerator<SampleEvent> {
    if (this.#disposed) throw disposedModel(this.name);
    const { outline, composition, engine } = this.#loaded;
    const { edit } = request;
    const read = readRequest(outline, request);
    if (edit) checkEdit(edit, { who: this.name, image: this.image });
    const given = {
      ...read,
      preview: request.preview ?? this.manifest.defaults.preview,
      rng: keyedRng(read.rows.map(({ seed }) => seed)),
      signal: request.signal ?? new AbortController().signal,
      written: request.written ?? [],
    };
    return edit ? sampleEdit(composition, { ...given, edit, engine }) : sample(composition, { ...given, kept: null });
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    const { composition, weights } = this.#loaded;
    const own = weightedComponents.map((component) => weights[component]);
    disposeAll([composition.tokenizer, composition.backbone, composition.head, ...own]);
  }
}

function disposedModel(who: string): TesseraError {
  return new TesseraError({
    code: 'model-disposed',
    who,
    got: 'a request after it was disposed',
    expected: 'an open model',
  });
}
