import {
  compose,
  disposeAll,
  sample,
  type Composition,
  type ConditionSpace,
  type Layout,
  type Observer,
  type PartFacts,
  type PictureSize,
  type SampleEvent,
  type SpaceShape,
  type Tokenizer,
  type Written,
} from '@tessera/core';
import type { Report } from '@tessera/plugin-kit';
import type { JsonSchema } from '@tessera/schema';
import { keyedRng, type Engine, type Precision } from '@tessera/engine';
import { TesseraError } from '@tessera/errors';
import type { Checked, ModelRequest } from '@tessera/request';
import { Compositions } from './compositions.ts';
import { checkEdit, sampleEdit, type Edit } from './edit.ts';
import { weightedComponents, type ModelManifest } from './manifest.ts';
import { checkRequest, optionsSchema, outlineAt, outlineOf, planOf, type ModelOutline } from './outline.ts';
import type { Plugins } from './plugins/built-in.ts';
import { precisionFor, weightsIn } from './precision.ts';
import type { ModelWeights } from './weights.ts';

/** What a program passes beside a request, since it can be neither stored nor sent. */
export interface ModelRun {
  readonly signal?: AbortSignal;
  /** The pixels of the request's `edit`; a program may give them to a request without `edit`. */
  readonly edit?: Edit;
  /** What the first steps of the same request wrote in another run (`written` of its step events): they are replayed. */
  readonly written?: readonly Written[];
  /** Called with what each step reads, computes, draws and writes. */
  readonly observe?: Observer;
}

/** What depends on the size of the pictures. */
export interface SizedModel {
  /** Size of the images, in pixels. */
  readonly image: Tokenizer['image'];
  /** The maps of their tokens. */
  readonly layout: Layout;
  /** Estimated memory of one more image in a batch, in bytes. */
  readonly imageBytes: number;
}

/** A loaded model; image, layout and imageBytes are those of its own size. */
export interface Model extends SizedModel {
  readonly name: string;
  readonly manifest: ModelManifest;
  readonly parameters: number;
  /** How its linear layers are multiplied. */
  readonly precision: Precision;
  /** Whether its backbone keeps caches: steps that are replayed then cost as much as others. */
  readonly remembers: boolean;
  /** The sizes of images that it makes. */
  readonly sizes: PartFacts['sizes'];
  /** The kind of its tokens, with the size of their vocabulary. */
  readonly space: SpaceShape;
  /** JSON Schema of a request's `options`; its defaults are the model's own. */
  readonly options: JsonSchema;
  /** What requests may say of an image. */
  readonly condition: ConditionSpace;
  /**
   * Checks a request as `generate` does, without running it.
   * @throws TesseraError size-unsupported, images-empty, label-out-of-range, seed-out-of-range, guidance-out-of-range, guidance-unsupported,
   * option-unknown, field-..., and what the schemas of the options throw
   */
  check<R extends ModelRequest>(request: R): Checked<R>;
  /** For images of another size, which a check has let pass; its own where none is given. */
  at(size?: PictureSize): SizedModel;
  /** `check` and `run`, for requests that were not checked yet. Errors are thrown at once, before the first event. */
  generate(request: ModelRequest, run?: ModelRun): AsyncGenerator<SampleEvent>;
  /**
   * Makes the images of a request, step by step. With `edit`, tokens whose pixels are all kept condition the others, and
   * the kept pixels of every image are exactly those of the picture.
   * @throws TesseraError model-disposed, edit-image-size, edit-image-values, edit-mask-size, edit-repaints-nothing, edit-pixels-missing, size-weights
   */
  run(request: Checked<ModelRequest>, run?: ModelRun): AsyncGenerator<SampleEvent>;
  dispose(): void;
}

export interface OpenModelOptions {
  readonly engine: Engine;
  /** Third-party plug-ins. They win over built-in ones of the same name. */
  readonly plugins?: Partial<Plugins>;
  /** True if no other code makes tensors in this process while the model generates: leaks of third-party parts are then found. */
  readonly watchLeaks?: boolean;
  /** Called with a line if a call of a third-party part takes long. Default: standard error. */
  readonly report?: Report;
}

/** Where a model comes from: a folder (`openModel`), an address (`@tessera/models/web`), or another store. */
export interface ModelSource {
  /** Path or address of its `model.json`, for errors. */
  readonly who: string;
  /** @throws TesseraError manifest-missing, manifest-malformed, field-... */
  readManifest(): Promise<ModelManifest>;
  /**
   * Opens the weights of all components, after their digests were compared with the manifest. The caller disposes them.
   * @throws TesseraError weights-missing, weights-altered, and what the file formats throw
   */
  openWeights(manifest: ModelManifest): Promise<ModelWeights>;
}

/**
 * Loads a model: reads `model.json`, finds the plug-ins by name, checks that they agree, opens the weights and builds the
 * parts. Runs no code of the source.
 * @throws TesseraError of the source; plugin-unknown, classes-mismatch, weights-mismatch, and what `compose` throws
 */
export async function loadModel(
  source: ModelSource,
  { engine, plugins, watchLeaks = false, report }: OpenModelOptions,
): Promise<Model> {
  const guard = { watchLeaks, ...(report && { report }) };
  const outline = outlineOf(await source.readManifest(), source.who, { plugins, guard });
  const precision = precisionFor(engine.precision, {
    own: outline.manifest.defaults.precision,
    width: outline.facts.width,
  });
  const opened = await source.openWeights(outline.manifest);
  let weights = opened;
  try {
    weights = weightsIn(precision, opened, source.who);
    const composition = compose(outline.parts, { engine, weights });
    for (const component of weightedComponents) weights[component].finish();
    return new LoadedModel({ engine, outline, composition, weights, precision });
  } catch (error) {
    try {
      for (const component of weightedComponents) weights[component].check();
    } finally {
      weightedComponents.forEach((component) => weights[component].dispose());
    }
    throw error;
  }
}

interface Loaded {
  readonly engine: Engine;
  readonly outline: ModelOutline;
  readonly composition: Composition;
  readonly weights: ModelWeights;
  readonly precision: Precision;
}

class LoadedModel implements Model {
  readonly name: string;
  readonly manifest: ModelManifest;
  readonly parameters: number;
  readonly precision: Precision;
  readonly remembers: boolean;
  readonly imageBytes: number;
  readonly image: Model['image'];
  readonly sizes: Model['sizes'];
  readonly space: Model['space'];
  readonly layout: Model['layout'];
  readonly options: JsonSchema;
  readonly condition: ConditionSpace;
  readonly #loaded: Loaded;
  readonly #compositions: Compositions;
  #disposed = false;

  constructor(loaded: Loaded) {
    this.#loaded = loaded;
    const { manifest, facts } = loaded.outline;
    this.manifest = manifest;
    this.name = manifest.name;
    this.precision = loaded.precision;
    this.parameters = weightedComponents.reduce((sum, component) => sum + loaded.weights[component].parameters, 0);
    this.remembers = facts.remembers;
    this.image = loaded.composition.tokenizer.image;
    this.sizes = facts.sizes;
    this.space = facts.space;
    this.layout = facts.layout;
    this.imageBytes = this.at().imageBytes;
    const { outline, composition, engine, weights } = loaded;
    this.#compositions = new Compositions({ engine, weights, own: { outline, composition } });
    this.options = optionsSchema(loaded.outline);
    this.condition = facts.condition;
  }

  check<R extends ModelRequest>(request: R): Checked<R> {
    return checkRequest(this.#loaded.outline, request);
  }

  at(size?: PictureSize): SizedModel {
    const { outline, weights } = this.#loaded;
    const { facts } = outlineAt(outline, size);
    const { kind: guidance } = this.manifest.defaults.guidance;
    return {
      image: { ...this.image, ...size },
      layout: facts.layout,
      imageBytes: imageBytes({ facts, parameters: weights.backbone.parameters, guidance }),
    };
  }

  generate(request: ModelRequest, run?: ModelRun): AsyncGenerator<SampleEvent> {
    if (this.#disposed) throw disposedModel(this.name);
    return this.run(this.check(request), run);
  }

  run(request: Checked<ModelRequest>, { edit, signal, written = [], observe }: ModelRun = {}) {
    if (this.#disposed) throw disposedModel(this.name);
    const { outline, engine } = this.#loaded;
    if (edit) checkEdit(edit, { who: this.name, image: this.at(request.size).image });
    else if ('edit' in request) throw pixelsMissing(this.name);
    const plan = planOf(outline, request);
    const given = {
      ...plan,
      preview: request.preview ?? this.manifest.defaults.preview,
      rng: keyedRng(plan.rows.map(({ seed }) => seed)),
      signal: signal ?? new AbortController().signal,
      written,
      ...(observe && { observe }),
    };
    return this.#compositions.run(outlineAt(outline, request.size), (composition) =>
      edit ? sampleEdit(composition, { ...given, edit, engine }) : sample(composition, { ...given, kept: null }),
    );
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    const { weights } = this.#loaded;
    disposeAll([this.#compositions, ...weightedComponents.map((component) => weights[component])]);
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

/** The edit of a request only names its pictures; models read no files. */
function pixelsMissing(who: string): TesseraError {
  return new TesseraError({
    code: 'edit-pixels-missing',
    who,
    got: 'a request with a picture to edit, but no pixels',
    expected: 'its pixels beside the request',
    next: 'Give run what prepareEdit of @tessera/pictures makes of the picture: { edit }.',
  });
}

/** Numbers that a head computes for a token at most. */
function logitsOf(space: PartFacts['space']): number {
  if (space.kind === 'discrete') return space.vocabulary;
  return space.kind === 'factors' ? space.factors.reduce((sum, { levels }) => sum + levels, 0) : space.channels;
}

const FLOAT_BYTES = 4;
/** Channels of each attention head, in nearly all transformers. */
const HEAD_SIZE = 64;

interface ImageMemory {
  readonly facts: Pick<PartFacts, 'layout' | 'width' | 'space'>;
  /** Numbers in the weights of the backbone. */
  readonly parameters: number;
  readonly guidance: ModelManifest['defaults']['guidance']['kind'];
}

/**
 * Estimates the memory that one more image in a batch takes, in bytes; rather too much than too little. The weights of a
 * transformer show its depth: a block of width W has at least 12 W^2 of them and caches 2 W numbers per token (keys and
 * values), so all blocks cache parameters / (6 W). Added to that, as if all tokens were new in one step: the hidden layer
 * of one block (4 W, before and after its activation, and the residual stream), its attention scores, and logits. Guidance
 * computes every image twice.
 */
function imageBytes({ facts: { layout, width, space }, parameters, guidance }: ImageMemory): number {
  const kept = parameters / (6 * width);
  const hidden = 16 * width;
  const scores = layout.length * Math.ceil(width / HEAD_SIZE);
  const logits = 2 * logitsOf(space);
  const rows = guidance === 'none' ? 1 : 2;
  return rows * layout.length * (kept + hidden + scores + logits) * FLOAT_BYTES;
}
