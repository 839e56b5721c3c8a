import type {
  Client,
  CreateGenerationInput,
  GenerationEvent,
  GenerationPage,
  Generation as WholeGeneration,
  Model,
  Service,
} from '@tessera/client';
import { asked } from './tessera.ts';

/* What the page asks of the server, and the types that it uses: parts of what @tessera/client gives. */

export type { CreateGenerationInput as GenerationInput, GenerationEvent, Model, Service };
/** One of the server's list, with its settings and pictures. */
export type StoredGeneration = WholeGeneration;
/** Tokens in rows, the first of them at position `start`. */
export type TokenMap = Model['layout'][number];
/** What an image shows: a class, or nothing in particular. */
export type Condition = WholeGeneration['images'][number]['condition'];
export interface Generation extends Pick<
  WholeGeneration,
  'id' | 'modelName' | 'seed' | 'guidance' | 'size' | 'layout' | 'options' | 'edit'
> {
  readonly images: readonly { readonly seed: number; readonly condition: Condition }[];
}
/** `positions` is a list per image, or a single one that holds for all images; previews of another batch are null. */
export interface Step extends Pick<
  Extract<GenerationEvent, { __typename: 'StepEvent' }>,
  'index' | 'of' | 'positions' | 'given' | 'milliseconds' | 'details'
> {
  readonly previews: readonly ({ readonly url: string } | null)[] | null;
  /** All previews in one picture, row by row; null where there is one image. */
  readonly sprite: { readonly url: string } | null;
}

/** What the server refuses: `field` is the part of the request to blame. */
export class Refusal extends Error {
  readonly code: string;
  readonly field: readonly string[] | null;

  constructor({ message, code, field }: { message: string; code: string; field?: readonly string[] | null }) {
    super(message);
    this.code = code;
    this.field = field ?? null;
  }
}

/** An error of the server already says what to do; this throws it. Only errors have a message. */
function accepted<T extends object>(answer: T): Exclude<T, { readonly message: string }> {
  if ('message' in answer) throw new Refusal(answer as unknown as ConstructorParameters<typeof Refusal>[0]);
  return answer as Exclude<T, { readonly message: string }>;
}

export function fetchModels(): Promise<readonly Model[]> {
  return asked((client) => client.models());
}

export async function fetchService(): Promise<Service> {
  return accepted(await asked((client) => client.service()));
}

export async function createGeneration(input: CreateGenerationInput): Promise<Generation> {
  return accepted(await asked((client) => client.createGeneration(input))).generation;
}

/** The same once more, edits included: other seeds make other images. */
export async function retryGeneration(id: string): Promise<Generation> {
  return accepted(await asked((client) => client.retryGeneration({ id }))).generation;
}

export async function fetchGeneration(id: string): Promise<StoredGeneration> {
  return accepted(await asked((client) => client.generation(id)));
}

/** A page of all generations of this key, the newest first: at most 25. */
export function fetchGenerations(page: Parameters<Client['generations']>[0] = {}): Promise<GenerationPage> {
  return asked((client) => client.generations(page));
}

/** For ever, with its events. One that is gone already counts as deleted. */
export async function deleteGeneration(id: string): Promise<void> {
  const answer = await asked((client) => client.deleteGeneration(id));
  if (answer.__typename !== 'NotFound') accepted(answer);
}

/** The PNG of a picture. */
export function fetchPicture(url: string): Promise<Uint8Array> {
  return asked((client) => client.download({ url }));
}

/** The steps of a generation so far, where it has ended all of them; of those the ones after an event. */
export function fetchSteps(id: string, after = 0): Promise<readonly Step[]> {
  return asked(async (client) => {
    const steps: Step[] = [];
    for await (const event of client.events(id, { after })) if (event.__typename === 'StepEvent') steps.push(event);
    return steps;
  });
}

/** Among the last events is the end itself, and where a worker was lost, its restart. */
const LAST_EVENTS = 4;

/** The last steps of a generation that has ended, as far as its newest pictures need them. */
export function fetchLastSteps(id: string, lastSeq: number): Promise<readonly Step[]> {
  return fetchSteps(id, Math.max(0, lastSeq - LAST_EVENTS));
}

export async function cancelGeneration(id: string): Promise<void> {
  accepted(await asked((client) => client.cancelGeneration(id)));
}

export interface Listener {
  onEvent(event: GenerationEvent): void;
  onError(error: Error): void;
}

/** Every event of a generation, once and in order, however long the server is away. Returns a function that ends it. */
export function followGeneration(id: string, { onEvent, onError }: Listener): () => void {
  const end = new AbortController();
  const { signal } = end;
  const all = asked(async (client) => {
    for await (const event of client.events(id, { signal, tries: Number.POSITIVE_INFINITY })) onEvent(event);
  });
  all.catch((error: Error) => signal.aborted || onError(error));
  return () => end.abort();
}
