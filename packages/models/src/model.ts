import type { Layout, PreviewKind, SampleEvent, SpaceShape, Tokenizer, Written } from '@tessera/core';
import type { JsonSchema } from '@tessera/schema';
import type { Edit } from './edit.ts';
import type { ModelManifest } from './manifest.ts';

/** What a request may choose. Everything left out takes the model's own default. */
export interface GenerateRequest {
  /** One label per image; -1 is the null class. */
  readonly labels: readonly number[];
  /** Image i has seed + i and can be made again alone. */
  readonly seed: number;
  /** Strength of guidance in the model's own scale, 0 to 100. No guidance is 0 for a ramp (VAR), 1 for linear and constant. */
  readonly guidance?: number;
  /** Options of order and head by name, checked by their schemas (see `Model.options`): `steps`, `temperature`, `topK` ... */
  readonly options?: Readonly<Record<string, unknown>>;
  readonly preview?: PreviewKind;
  /** A picture of which a part is redrawn, in every image; -1 among the labels is then plain in- or out-painting. */
  readonly edit?: Edit;
  readonly signal?: AbortSignal;
  /** What the first steps of the same request wrote elsewhere (`written` of its step events): they are not made again. */
  readonly written?: readonly Written[];
}

/** A model folder, loaded. */
export interface Model {
  readonly name: string;
  readonly manifest: ModelManifest;
  readonly parameters: number;
  /** About how much memory one more image in a batch takes, in bytes. */
  readonly imageBytes: number;
  /** Size of the images it makes, in pixels. */
  readonly image: Tokenizer['image'];
  /** What its tokens are; clients need the vocabulary's size. */
  readonly space: SpaceShape;
  /** Where its tokens lie. */
  readonly layout: Layout;
  /** What a request's `options` may hold: a JSON Schema whose defaults are the model's own. */
  readonly options: JsonSchema;
  /**
   * Makes one image per label, step by step. With `edit`, the tokens whose pixels all stay are given and condition the
   * rest, and the kept pixels of every image are those of the picture, exactly. What can be wrong is said at once.
   * @throws TesseraError labels-empty, label-out-of-range, seed-out-of-range, guidance-out-of-range,
   * guidance-unsupported, model-disposed, option-unknown, edit-image-size, edit-image-values, edit-mask-size,
   * edit-repaints-nothing, and what the schemas of the options throw
   */
  generate(request: GenerateRequest): AsyncGenerator<SampleEvent>;
  dispose(): void;
}
