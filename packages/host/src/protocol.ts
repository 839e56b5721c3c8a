import { guidanceOff, type PreviewKind, type Scale } from '@tessera/core';
import type { JsonSchema } from '@tessera/schema';
import type { TargetName } from '@tessera/targets';
import { isTesseraError, printable } from '@tessera/errors';
import type { Model } from '@tessera/models';
import type { Checked, GenerationRequest } from '@tessera/request';

/*
 * What the server and the models' process say to each other. Every message goes through structured clone, so bytes arrive
 * as bytes. The process trusts what it gets: requests were checked where they came in.
 */

/** What the process needs to begin: its first message. */
export interface ChildSetup {
  readonly folders: readonly string[];
  /** The project's configuration, which lists its plug-ins; null where there is none. */
  readonly config: string | null;
  readonly target?: TargetName;
  readonly threads?: number;
  /** Memory that the images of one batch may take together, in bytes. */
  readonly batchBytes: number;
}

export type ToChild =
  | { readonly type: 'setup'; readonly setup: ChildSetup }
  | {
      readonly type: 'generate';
      readonly id: number;
      readonly folder: string;
      readonly request: Checked<GenerationRequest>;
      /** The file of each picture that the request's edit names. */
      readonly files: PictureFiles;
    }
  | { readonly type: 'cancel'; readonly id: number };

/** Paths by the names that an edit has for its pictures. */
export type PictureFiles = Readonly<Record<string, string>>;

export type FromChild =
  /** While it starts: one more model folder has been looked at. */
  | { readonly type: 'opened' }
  | {
      readonly type: 'ready';
      readonly target: string;
      readonly why: string;
      readonly models: readonly OpenedModel[];
    }
  | { readonly type: 'refused'; readonly code: string; readonly message: string }
  | { readonly type: 'event'; readonly id: number; readonly event: HostEvent };

/** A model folder, looked at once at the start: what it is, or why it cannot be used. */
export type OpenedModel =
  | { readonly folder: string; readonly description: ModelDescription }
  | { readonly folder: string; readonly code: string; readonly message: string };

/** The file descriptor on which the models' process writes a byte every second. */
export const heartbeatFile = 4;

/** Model time alone, in milliseconds: neither waiting nor PNG encoding counts. */
export interface Timings {
  readonly steps: readonly number[];
  readonly images: readonly number[];
  readonly total: number;
}

/**
 * What happens to a generation, in order: at most one `started`, a `step` per step, an `image` per image, and then
 * exactly one of `completed`, `failed` and `canceled`. Images that do not fit into memory at once are made in batches,
 * one after the other: `index` and `of` then count the steps of all batches.
 */
export type HostEvent =
  | { readonly type: 'started' }
  | {
      readonly type: 'step';
      readonly index: number;
      readonly of: number;
      /** Token positions written in this step, one ascending list per image; none for images of another batch. */
      readonly positions: readonly (readonly number[])[];
      /** One PNG per image, null for images of another batch; null when no preview was asked for. */
      readonly previews: readonly (Uint8Array | null)[] | null;
      readonly milliseconds: number;
    }
  | { readonly type: 'image'; readonly index: number; readonly png: Uint8Array; readonly milliseconds: number }
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
  readonly parameters: number;
  readonly image: { readonly height: number; readonly width: number; readonly channels: number };
  /** Number of different tokens, or null where tokens are continuous. */
  readonly vocabulary: number | null;
  /** Number of tokens of an image. */
  readonly tokens: number;
  /** The maps that an image's tokens lie on, coarse to fine; a position counts through all of them. */
  readonly layout: readonly Scale[];
  /** What a request's `options` may hold: a JSON Schema whose defaults are the model's own. */
  readonly options: JsonSchema;
  /** The scale at which guidance does nothing; null where the model takes none. */
  readonly guidanceOff: number | null;
  readonly defaults: {
    readonly guidance: number;
    readonly preview: PreviewKind;
  };
}

/** What clients may know of an open model. */
export function describeModel({ name, manifest, parameters, image, space, layout, options }: Model): ModelDescription {
  const { title, description, licence, classes, defaults } = manifest;
  return {
    name,
    title,
    description,
    licence,
    classes: [...classes],
    parameters,
    image: { height: image.height, width: image.width, channels: image.channels },
    vocabulary: space.kind === 'discrete' ? space.vocabulary : null,
    tokens: layout.length,
    layout: layout.scales.map(({ start, height, width }) => ({ start, height, width })),
    options,
    guidanceOff: guidanceOff(defaults.guidance.kind),
    defaults: {
      guidance: defaults.guidance.kind === 'none' ? 0 : defaults.guidance.scale,
      preview: defaults.preview,
    },
  };
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
