import type { PreviewKind, Scale } from '@tessera/core';
import type { JsonSchema } from '@tessera/schema';
import type { Region } from '@tessera/pictures';

/** A picture of which a part is redrawn, in files on this machine: PNG, JPEG or WebP. */
export interface HostEdit extends Region {
  /** Path of the picture. */
  readonly image: string;
  /** Path of a mask: white is redrawn, black stays. */
  readonly mask?: string;
}

/** A generation for the host: which model, and what `GenerateRequest` of @tessera/models takes. */
export interface HostRequest {
  /** Name of one of the host's models. */
  readonly model: string;
  /** One label per image; -1 is the null class. */
  readonly labels: readonly number[];
  /** Image i has seed + i. */
  readonly seed: number;
  readonly guidance?: number;
  readonly options?: Readonly<Record<string, unknown>>;
  readonly preview?: PreviewKind;
  readonly edit?: HostEdit;
}

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

/** True for the event after which a generation has no more. */
export function isTerminal(event: HostEvent): boolean {
  return event.type === 'completed' || event.type === 'failed' || event.type === 'canceled';
}
