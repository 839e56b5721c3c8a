import type { Layout, Observer, PreviewKind, SampleEvent, SpaceShape, Tokenizer, Written } from '@tessera/core';
import type { Checked, ModelRequest } from '@tessera/request';
import type { JsonSchema } from '@tessera/schema';
import type { Edit } from './edit.ts';
import type { ModelManifest } from './manifest.ts';

/** What goes with a request and is no part of it: it can be neither stored nor sent. */
export interface ModelRun {
  readonly signal?: AbortSignal;
  /** The pixels of the request's `edit`, or a picture to edit where a program asks the model itself. */
  readonly edit?: Edit;
  /** What the first steps of the same request wrote elsewhere (`written` of its step events): they are not made again. */
  readonly written?: readonly Written[];
  /** Sees what each step reads, computes, draws and writes. */
  readonly observe?: Observer;
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
   * Checks a request, as `generate` does, without running it.
   * @throws TesseraError labels-empty, label-out-of-range, seed-out-of-range, guidance-out-of-range, guidance-unsupported,
   * option-unknown, field-..., and what the schemas of the options throw
   */
  check<R extends ModelRequest>(request: R): Checked<R>;
  /** `check` and `run`, for requests that were not checked yet. Errors are thrown at once, before the first event. */
  generate(request: ModelRequest, run?: ModelRun): AsyncGenerator<SampleEvent>;
  /**
   * Makes the images of a request, step by step. With `edit`, the tokens whose pixels all stay are given and condition the
   * rest, and the kept pixels of every image are those of the picture, exactly.
   * @throws TesseraError model-disposed, edit-image-size, edit-image-values, edit-mask-size, edit-repaints-nothing, edit-pixels-missing
   */
  run(request: Checked<ModelRequest>, run?: ModelRun): AsyncGenerator<SampleEvent>;
  dispose(): void;
}
