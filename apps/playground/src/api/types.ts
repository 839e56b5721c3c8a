/* What the operations in this folder ask for; the server's schema.graphql says the rest. */

/** JSON Schema as far as options need it. */
export interface JsonSchema {
  readonly type?: string;
  readonly title?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly minimum?: number;
  readonly exclusiveMinimum?: number;
  readonly maximum?: number;
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
}

/** Tokens in rows, the first of them at position `start`. */
export interface TokenMap {
  readonly start: number;
  readonly height: number;
  readonly width: number;
}

export interface Model {
  readonly name: string;
  readonly title: string;
  readonly parameters: number;
  readonly image: { readonly height: number; readonly width: number };
  readonly classes: readonly { readonly label: number; readonly name: string }[];
  /** Of each image. */
  readonly tokens: number;
  /** Where the tokens lie, coarse to fine. */
  readonly layout: readonly TokenMap[];
  /** What `GenerationInput.options` may hold; its defaults are the model's own. */
  readonly options: JsonSchema;
  /** The guidance that does nothing; null where the model takes none. */
  readonly guidanceOff: number | null;
  readonly defaults: { readonly guidance: number };
}

export type OptionValue = number | string | boolean;

export interface GenerationInput {
  readonly model: string;
  readonly labels: readonly number[];
  readonly seed: number;
  readonly guidance?: number;
  readonly options: Readonly<Record<string, OptionValue>>;
}

export interface Generation {
  readonly id: string;
  readonly model: string;
  readonly labels: readonly number[];
  readonly seed: number;
}

export interface Step {
  readonly index: number;
  readonly of: number;
  /** A list per image, or a single one that holds for all images. */
  readonly positions: readonly (readonly number[])[];
  /** Null for images of another batch. */
  readonly previews: readonly (string | null)[] | null;
  readonly milliseconds: number;
}

export type GenerationEvent = { readonly seq: number } & (
  | { readonly __typename: 'QueuedEvent'; readonly position: number }
  | { readonly __typename: 'StartedEvent' }
  | ({ readonly __typename: 'StepEvent' } & Step)
  | {
      readonly __typename: 'CompletedEvent';
      readonly images: readonly string[];
      readonly timings: { readonly total: number };
    }
  | { readonly __typename: 'FailedEvent'; readonly code: string; readonly message: string }
  | { readonly __typename: 'CanceledEvent' }
);
