import { request, subscribe } from './transport.ts';
import type { Generation, GenerationEvent, GenerationInput, Model } from './types.ts';

const generationFields = '__typename ... on Generation { id model labels seed } ... on Error { code message }';

type Refusal = { readonly __typename: 'RequestError'; readonly code: string; readonly message: string };
type Answer = (Generation & { readonly __typename: 'Generation' }) | Refusal;

/** Errors of the server say what to do already; this only makes them throwable. */
function accepted(answer: Answer): Generation {
  if (answer.__typename === 'RequestError') throw new Error(answer.message);
  return answer;
}

export async function fetchModels(): Promise<readonly Model[]> {
  const query = `{ models { name title parameters image { height width } classes { label name }
    tokens layout { start height width } options guidanceOff defaults { guidance } } }`;
  return (await request<{ models: Model[] }>(query)).models;
}

export async function createGeneration(input: GenerationInput): Promise<Generation> {
  const query = `mutation ($input: CreateGenerationInput!) { createGeneration(input: $input) { ${generationFields} } }`;
  return accepted((await request<{ createGeneration: Answer }>(query, { input })).createGeneration);
}

export async function fetchGeneration(id: string): Promise<Generation> {
  const query = `query ($id: ID!) { generation(id: $id) { ${generationFields} } }`;
  return accepted((await request<{ generation: Answer }>(query, { id })).generation);
}

export async function cancelGeneration(id: string): Promise<void> {
  const query = `mutation ($id: ID!) { cancelGeneration(id: $id) { ${generationFields} } }`;
  accepted((await request<{ cancelGeneration: Answer }>(query, { id })).cancelGeneration);
}

export interface Listener {
  onEvent(event: GenerationEvent): void;
  onError(message: string): void;
}

/**
 * All events of a generation from its first. After a lost connection they come again from the first: the listener
 * drops those it has seen. Returns what ends it.
 */
export function followGeneration(id: string, { onEvent, onError }: Listener): () => void {
  const query = `subscription ($id: ID!) { generationEvents(id: $id, after: 0) { __typename seq
    ... on QueuedEvent { position }
    ... on StepEvent { index of positions previews milliseconds }
    ... on CompletedEvent { images timings { total } }
    ... on FailedEvent { code message } } }`;
  return subscribe<{ generationEvents: GenerationEvent }>({
    query,
    variables: { id },
    onData: ({ generationEvents }) => onEvent(generationEvents),
    onError,
  });
}
