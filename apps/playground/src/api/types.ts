/* What the operations in this folder ask for; the server's schema.graphql says the rest. */

export interface Model {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly parameters: number;
  readonly vocabulary: number | null;
  readonly image: { readonly height: number; readonly width: number };
  readonly classes: readonly { readonly label: number; readonly name: string }[];
  readonly defaults: {
    readonly guidance: number;
    readonly topK: number;
    readonly topP: number;
    readonly smooth: boolean;
  };
}

export interface GenerationInput {
  readonly model: string;
  readonly labels: readonly number[];
  readonly seed: number;
  readonly guidance: number;
  readonly topK: number;
  readonly topP: number;
  readonly smooth: boolean;
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
  readonly positions: readonly (readonly number[])[];
  readonly previews: readonly string[] | null;
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
