import {
  guidanceOff,
  type GuidanceKind,
  type PluginKind,
  type PreviewKind,
  type Scale,
  type SizeBounds,
  type Stride,
} from '@tessera/core';
import type { JsonSchema } from '@tessera/schema';
import type { PrecisionChoice } from '@tessera/engine';
import type { TargetName } from '@tessera/targets';
import { causeStack, isTesseraError, printable } from '@tessera/errors';
import type { Model, ModelOutline } from '@tessera/models';
import type { Checked, GenerationRequest } from '@tessera/request';

/*
 * What the server and the models' process say to each other. Every message goes through structured clone, so bytes arrive
 * as bytes. The process trusts what it gets: requests were checked where they came in.
 */

/** What the process needs to begin: its first message. */
export interface ChildSetup {
  /** The project's configuration, which lists its plug-ins; null where there is none. */
  readonly config: string | null;
  readonly target?: TargetName;
  readonly precision?: PrecisionChoice;
  readonly threads?: number;
  /** Memory that the images of one batch may take together, in bytes. */
  readonly batchBytes: number;
  /** Memory that the weights of all open models may take together, in bytes. */
  readonly modelBytes: number;
}

/** A generation for the models' process, which knows it by a number that is never used again. */
export interface Job {
  readonly key: number;
  readonly request: Checked<GenerationRequest>;
  /** `tokens` of its step events so far: these steps are not drawn again. */
  readonly written: readonly Uint8Array[];
  /** The file of each picture that the request's edit names. */
  readonly files: PictureFiles;
}

export type ToChild =
  | { readonly type: 'setup'; readonly setup: ChildSetup }
  /** Jobs of one run share batches; those of the next wait until all of this one have ended. */
  | {
      readonly type: 'run';
      readonly run: number;
      readonly folder: string;
      /** Of the model. */
      readonly parameters: number;
      readonly jobs: readonly Job[];
    }
  | { readonly type: 'leave'; readonly key: number }
  /** Ends the run at the next step boundary; answered by `stopped`. */
  | { readonly type: 'stop'; readonly run: number };

/** Paths by the names that an edit has for its pictures. */
export type PictureFiles = Readonly<Record<string, string>>;

export type FromChild =
  | { readonly type: 'ready'; readonly target: string; readonly why: string }
  /** Names of the models in memory, whenever that has changed. */
  | { readonly type: 'loaded'; readonly models: readonly string[] }
  | { readonly type: 'refused'; readonly code: string; readonly message: string }
  /** What has happened in one step, of all jobs that it was made for; `room` is that of `BatchRun`. */
  | { readonly type: 'events'; readonly run: number; readonly events: readonly JobEvent[]; readonly room: number }
  /** Jobs of this run that have not ended will not go on. */
  | { readonly type: 'stopped'; readonly run: number };

export interface JobEvent {
  readonly key: number;
  readonly event: HostEvent;
}

/** The file descriptor on which the models' process writes a line every second: the bytes of memory that it takes. */
export const heartbeatFile = 4;

/** Model time alone, in milliseconds: neither waiting nor loading nor PNG encoding counts, nor steps that are replayed. */
export interface Timings {
  readonly steps: readonly number[];
  readonly images: readonly number[];
  readonly total: number;
}

/** What is known of each token of a step, one list per image. */
export interface TokenDetails {
  /** Indices in the codebook; null where tokens are continuous. */
  readonly codes: readonly (readonly number[])[] | null;
  /** Natural logarithm of the probability of the drawn token; null where the head does not know it. */
  readonly logProbabilities: readonly (readonly number[])[] | null;
  /** Entropy of the distribution that it was drawn from, in nats; null where the head does not know it. */
  readonly entropies: readonly (readonly number[])[] | null;
  /** The likeliest codes of each token, likeliest first; null where the head does not know them. */
  readonly topCodes: readonly (readonly (readonly number[])[])[] | null;
  /** Probability of each of them. */
  readonly topProbabilities: readonly (readonly (readonly number[])[])[] | null;
}

/**
 * What happens to a generation, in order: `loading` where its model has to be read first, `started` (or `restarted`), a
 * `step` per step that was not written before, an `image` per image, and then exactly one of `completed`, `failed` and
 * `canceled`. Images that do not fit into memory at once are made in parts, one after the other: `index` and `of` then
 * count the steps of all parts.
 */
export type HostEvent =
  | { readonly type: 'loading'; readonly model: string }
  | { readonly type: 'started' }
  /** Goes on after the steps that were written before. */
  | { readonly type: 'restarted'; readonly fromStep: number }
  | {
      readonly type: 'step';
      readonly index: number;
      readonly of: number;
      /**
       * Token positions written in this step, an ascending list per image (empty for images of another part), or a single
       * list that holds for all images.
       */
      readonly positions: readonly (readonly number[])[];
      /** At the first step of an edit: the positions, of all steps, whose tokens are given and stay. */
      readonly given?: readonly number[];
      /** One PNG per image, null for images of another part; null when no preview was asked for. */
      readonly previews: readonly (Uint8Array | null)[] | null;
      /** PNG of all previews in one picture where there are several: `spriteColumns` in a row, black where there is none. */
      readonly sprite: Uint8Array | null;
      /** Null where the request does not ask for it. */
      readonly details: TokenDetails | null;
      readonly milliseconds: number;
      /** What the generation wrote: with those of the steps before, enough to go on in another process. */
      readonly tokens: Uint8Array;
    }
  | { readonly type: 'image'; readonly index: number; readonly png: Uint8Array; readonly milliseconds: number }
  /** `timings` of what was done in this run. */
  | { readonly type: 'completed'; readonly timings: Timings }
  | { readonly type: 'failed'; readonly code: string; readonly message: string }
  | { readonly type: 'canceled' };

/** True for the event after which a generation has no more. */
export function isTerminal(event: HostEvent): boolean {
  return event.type === 'completed' || event.type === 'failed' || event.type === 'canceled';
}

/** What can be said of a model that is ready to run. */
export interface ModelDescription {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly licence: string;
  /** Names of the classes, in the order of their labels. */
  readonly classes: readonly string[];
  /** How many classes it knows, or null where conditions are something else; and the JSON Schema of a label or of that. */
  readonly condition: { readonly classes: number | null; readonly json: JsonSchema };
  readonly parameters: number;
  readonly image: { readonly height: number; readonly width: number; readonly channels: number };
  /** What other sizes a request may ask for; null where it makes its own alone. */
  readonly sizes: Pick<SizeBounds, 'step' | 'least' | 'most'> | null;
  /** Number of different tokens, or null where tokens are continuous or have several factors. */
  readonly vocabulary: number | null;
  /** Number of tokens of an image. */
  readonly tokens: number;
  /** The maps that an image's tokens lie on, coarse to fine; a position counts through all of them. */
  readonly layout: readonly Scale[];
  /** What a request's `options` may hold: a JSON Schema whose defaults are the model's own. */
  readonly options: JsonSchema;
  /** Names of the plug-ins that it is made of. */
  readonly parts: Readonly<Record<Exclude<PluginKind, 'guidance'>, string>>;
  /** What one step of its order is. */
  readonly stride: Stride;
  /** The scale at which guidance does nothing; null where the model takes none. */
  readonly guidanceOff: number | null;
  readonly defaults: {
    readonly guidance: number;
    /** How its weight goes over the steps. */
    readonly guidanceKind: GuidanceKind;
    readonly preview: PreviewKind;
  };
}

/** What clients may know of a model. */
export function describeModel(model: Model, { parts }: Pick<ModelOutline, 'parts'>): ModelDescription {
  const { name, manifest, parameters, image, space, layout, options, condition } = model;
  const { title, description, licence, classes, defaults, tokenizer, order, backbone, head } = manifest;
  return {
    name,
    title,
    description,
    licence,
    classes: [...classes],
    condition: { classes: condition.classes, json: condition.input.json },
    parameters,
    image: { height: image.height, width: image.width, channels: image.channels },
    sizes: boundsOf(model),
    vocabulary: space.kind === 'discrete' ? space.vocabulary : null,
    tokens: layout.length,
    layout: layout.scales.map(({ start, height, width }) => ({ start, height, width })),
    options,
    parts: {
      tokenizer: tokenizer.plugin,
      order: order.plugin,
      backbone: backbone.plugin,
      head: head.plugin,
      condition: manifest.condition?.plugin ?? 'class',
    },
    stride: parts.order.plugin.stride,
    guidanceOff: guidanceOff(defaults.guidance.kind),
    defaults: {
      guidance: defaults.guidance.kind === 'none' ? 0 : defaults.guidance.scale,
      guidanceKind: defaults.guidance.kind,
      preview: defaults.preview,
    },
  };
}

function boundsOf({ sizes: { bounds } }: Model): ModelDescription['sizes'] {
  return bounds && { step: bounds.step, least: bounds.least, most: bounds.most };
}

/** An error of the models' process as data. Its stack is printed there where TESSERA_DEBUG asks for it. */
export function failureParts(error: unknown): { code: string; message: string } {
  const stack = causeStack(error);
  if (stack !== null) console.error(stack);
  return errorParts(error);
}

/** An error as data. Errors that are not Tessera's keep their words. */
export function errorParts(error: unknown): { code: string; message: string } {
  if (isTesseraError(error)) return { code: error.code, message: error.message };
  const words = error instanceof Error ? error.message : String(error);
  return {
    code: 'model-error',
    message: `[host] got an unexpected error from the model (${printable(words)}); expected it to run. Report it together with the request.`,
  };
}
