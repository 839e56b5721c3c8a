import type { ResultOf, VariablesOf } from 'gql.tada';
import { graphql, request, subscribe } from './transport.ts';

/* Every operation that the page sends, and the types that the page uses: what these documents ask for. */

const modelsQuery = graphql(`
  query {
    models {
      name
      title
      parameters
      image {
        height
        width
      }
      classes {
        label
        name
      }
      tokens
      layout {
        start
        height
        width
      }
      options
      guidanceOff
      defaults {
        guidance
      }
    }
  }
`);

const shown = graphql(`
  fragment Shown on Generation {
    id
    modelName
    seed
    images {
      condition {
        __typename
        ... on ClassCondition {
          label
        }
      }
    }
  }
`);

const refused = graphql(`
  fragment Refused on Error {
    message
  }
`);

const createMutation = graphql(
  `
    mutation ($input: CreateGenerationInput!) {
      createGeneration(input: $input) {
        __typename
        ... on CreateGenerationPayload {
          generation {
            ...Shown
          }
        }
        ...Refused
      }
    }
  `,
  [shown, refused],
);

const generationQuery = graphql(
  `
    query ($id: ID!) {
      generation(id: $id) {
        __typename
        ...Shown
        ...Refused
      }
    }
  `,
  [shown, refused],
);

const cancelMutation = graphql(
  `
    mutation ($id: ID!) {
      cancelGeneration(input: { id: $id }) {
        __typename
        ...Refused
      }
    }
  `,
  [refused],
);

const eventsSubscription = graphql(`
  subscription ($id: ID!) {
    generationEvents(id: $id, after: 0) {
      __typename
      seq
      ... on QueuedEvent {
        position
      }
      ... on WaitingEvent {
        position
        millisecondsToStart
      }
      ... on StepEvent {
        index
        of
        positions
        previews {
          url
        }
        milliseconds
      }
      ... on CompletedEvent {
        images {
          url
        }
        timings {
          total
        }
      }
      ... on FailedEvent {
        code
        message
      }
    }
  }
`);

export type Model = ResultOf<typeof modelsQuery>['models'][number];
/** Tokens in rows, the first of them at position `start`. */
export type TokenMap = Model['layout'][number];
export type Generation = ResultOf<typeof shown>;
/** What an image shows: a class, or nothing in particular. */
export type Condition = Generation['images'][number]['condition'];
export type GenerationInput = VariablesOf<typeof createMutation>['input'];
export type GenerationEvent = ResultOf<typeof eventsSubscription>['generationEvents'];
/** `positions` is a list per image, or a single one that holds for all images; previews of another batch are null. */
export type Step = Omit<Extract<GenerationEvent, { __typename: 'StepEvent' }>, '__typename' | 'seq'>;

/** An error of the server already says what to do; this throws it. Only errors have a message. */
function accepted<T extends object>(answer: T): Exclude<T, { readonly message: string }> {
  if ('message' in answer) throw new Error(String(answer.message));
  return answer as Exclude<T, { readonly message: string }>;
}

export async function fetchModels(): Promise<readonly Model[]> {
  return (await request(modelsQuery, {})).models;
}

export async function createGeneration(input: GenerationInput): Promise<Generation> {
  return accepted((await request(createMutation, { input })).createGeneration).generation;
}

export async function fetchGeneration(id: string): Promise<Generation> {
  return accepted((await request(generationQuery, { id })).generation);
}

export async function cancelGeneration(id: string): Promise<void> {
  accepted((await request(cancelMutation, { id })).cancelGeneration);
}

export interface Listener {
  onEvent(event: GenerationEvent): void;
  onError(message: string): void;
}

/**
 * All events of a generation from its first. After a lost connection they come again from the first: the listener
 * drops those that it has seen. Returns a function that ends it.
 */
export function followGeneration(id: string, { onEvent, onError }: Listener): () => void {
  return subscribe(
    eventsSubscription,
    { id },
    { onData: ({ generationEvents }) => onEvent(generationEvents), onError },
  );
}
