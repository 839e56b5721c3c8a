import type { GenerationRequest } from '@tessera/request';

/** `queued` also after a worker handed it over or died: it goes on from the steps that are written. */
export type GenerationState = 'queued' | 'running' | 'completed' | 'failed' | 'canceled';

/** Why something did not work, as data. */
export interface Failure {
  readonly code: string;
  readonly message: string;
}

/** Who asked. Without keys there is one tenant with the empty name. */
export interface Owner {
  readonly tenant: string;
  /** Shares the queue fairly with others: a key, an address, or whatever the door knows of its client. */
  readonly client: string;
}

/** One generation as stored. */
export interface Generation {
  readonly id: string;
  readonly owner: Owner;
  /** As it was checked when it was accepted. */
  readonly request: GenerationRequest;
  readonly state: GenerationState;
  /** Number of its newest event. */
  readonly lastSeq: number;
  /** How often a worker has begun with it. */
  readonly attempt: number;
  readonly priority: number;
  /** It fails with `deadline-passed` if no worker has begun by then. */
  readonly deadline: Date | null;
  /** The generation that this one repeats. */
  readonly retryOf: string | null;
  /** SHA-256 of each finished image's PNG. */
  readonly images: readonly string[];
  readonly failure: Failure | null;
  readonly createdAt: Date;
  readonly startedAt: Date | null;
  readonly finishedAt: Date | null;
}

/** Model time alone, in milliseconds: neither waiting nor PNG encoding counts. */
export interface Timings {
  readonly steps: readonly number[];
  readonly images: readonly number[];
  readonly total: number;
}

/** What is known of each token of a step, one list per image: of requests that ask for it. */
export interface TokenDetails {
  /** Indices in the codebook; null where tokens are continuous. */
  readonly codes: readonly (readonly number[])[] | null;
  /** Natural logarithm of the probability of the drawn token; null where the head does not know it. */
  readonly logProbabilities: readonly (readonly number[])[] | null;
  /** Entropy of the distribution that it was drawn from, in nats; null where the head does not know it. */
  readonly entropies: readonly (readonly number[])[] | null;
  /** The likeliest codes of each token, likeliest first; null where the head does not know them, absent where written before there were any. */
  readonly topCodes?: readonly (readonly (readonly number[])[])[] | null;
  /** Probability of each of them. */
  readonly topProbabilities?: readonly (readonly (readonly number[])[])[] | null;
}

/** What an event says. Pictures are SHA-256 of stored PNGs, never bytes. */
export type EventBody =
  | { readonly kind: 'queued'; readonly position: number }
  /** The model is being read into memory; comes before `started` or `restarted`, and only where it was not there. */
  | { readonly kind: 'loading'; readonly model: string }
  | { readonly kind: 'started' }
  /** Another worker, or the same one again, goes on after the steps that are written. */
  | { readonly kind: 'restarted'; readonly attempt: number; readonly fromStep: number }
  | {
      readonly kind: 'step';
      readonly index: number;
      readonly of: number;
      /** One list per image, empty for images of another batch, or a single list that holds for all. */
      readonly positions: readonly (readonly number[])[];
      /** At the first step of an edit: the positions, of all steps, whose tokens are given and stay. */
      readonly given?: readonly number[];
      /** Null for images of another batch. */
      readonly previews: readonly (string | null)[] | null;
      /** All previews in one picture, row by row, where there are several. */
      readonly sprite: string | null;
      readonly details: TokenDetails | null;
      readonly milliseconds: number;
    }
  | { readonly kind: 'completed'; readonly images: readonly string[]; readonly timings: Timings }
  | { readonly kind: 'failed'; readonly code: string; readonly message: string }
  | { readonly kind: 'canceled' };

export type EventKind = EventBody['kind'];

/** An event with its place in the log: `seq` counts from 1 without gaps. */
export type GenerationEvent = EventBody & { readonly seq: number; readonly at: Date };

/** True for the kinds of which every generation gets exactly one, at its end. */
export function isLast(kind: EventKind): boolean {
  return kind === 'completed' || kind === 'failed' || kind === 'canceled';
}

/** True of one that has its last event. */
export function hasEnded({ state }: Pick<Generation, 'state'>): boolean {
  return state !== 'queued' && state !== 'running';
}

/** A process that runs models. */
export interface WorkerRecord {
  readonly id: string;
  /** Host name and process id, for people. */
  readonly name: string;
  readonly startedAt: Date;
  readonly seenAt: Date;
  readonly state: WorkerState;
}

/** What a worker tells of itself at each beat: plain JSON. */
export interface WorkerState {
  readonly target: string;
  readonly draining: boolean;
  readonly models: readonly WorkerModel[];
  readonly health: { readonly status: string; readonly why: string | null };
  /** Bytes that its process of models takes; null or absent where it is not there, or does not say it. */
  readonly memoryBytes?: number | null;
}

export interface WorkerModel {
  readonly name: string;
  /** In memory now. */
  readonly loaded: boolean;
  /** Generations of it that run now. */
  readonly running: number;
  /** Moving average of the time that one image takes, all its steps together; null before the first. */
  readonly millisecondsPerImage: number | null;
}
