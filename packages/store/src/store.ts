import type { GenerationRequest } from '@tessera/request';
import type {
  EventBody,
  Generation,
  GenerationEvent,
  GenerationState,
  Owner,
  WorkerRecord,
  WorkerState,
} from './records.ts';

/**
 * Everything that API and workers share, in one PostgreSQL database (or PGlite, for one process). Times are the
 * database's own: no process' clock decides anything.
 *
 * Every call may throw TesseraError `storage-failed`: the database did not answer, and the change may have been made or
 * not. All changes can be repeated without harm.
 */
export interface Store {
  readonly kind: 'postgresql' | 'pglite';
  readonly generations: GenerationRecords;
  readonly queue: WorkQueue;
  readonly pictures: PictureRecords;
  /** For the rooms that keep tables of their own: keys, uploads, webhooks. */
  readonly database: Database;
  /** Says that something has changed. Hints may be lost or doubled: those who wait also look from time to time. */
  onHint(listener: (hint: Hint) => void): () => void;
  /** True where the database answers. */
  ready(): Promise<boolean>;
  close(): Promise<void>;
}

/** `events`: the log of this generation has grown. `queue`: something may be claimed. `cancel`: of this generation. */
export interface Hint {
  readonly kind: 'events' | 'queue' | 'cancel';
  /** Of a generation; empty for `queue`. */
  readonly id: string;
  /** What this process has appended, as the log has it; left out where it was another's. */
  readonly events?: () => readonly GenerationEvent[];
  /** How this process has ended it without a worker: by cancel, deletion, deadline or blame. */
  readonly ending?: Ending;
}

/** How a generation is when it has ended; of one that has not, as it is now. */
export interface Ending {
  readonly model: string;
  readonly state: GenerationState;
  /** Of the failure; else empty. */
  readonly code: string;
}

/**
 * PostgreSQL, one statement at a time: what has to change together is one statement.
 * After `storage-failed` the statement may have been carried out.
 */
export interface Database {
  query<R>(sql: string, values?: readonly unknown[]): Promise<{ readonly rows: R[] }>;
}

export interface NewGeneration {
  readonly id: string;
  readonly owner: Owner;
  readonly request: GenerationRequest;
  /** Generations of equal key may run in one batch: `batchKey` of @tessera/request. */
  readonly batchKey: string;
  /** -10 to 10; higher runs sooner. 0 is usual. */
  readonly priority: number;
  readonly deadline: Date | null;
  /** It is canceled if it has not ended by then. */
  readonly cancelAfterMs?: number;
  /** A second request of the same tenant with the same key gets the first generation. */
  readonly idempotencyKey: string | null;
  readonly retryOf: string | null;
  /** W3C `traceparent` of the request that asked for it: the worker's spans hang below; left out, nothing is traced. */
  readonly trace?: string | null;
}

export interface QueueLimits {
  /** Generations that may wait, of all clients: exactly, however many are created at once. */
  readonly maxQueue: number;
  /** Of one client. */
  readonly maxQueueOfClient: number;
}

/** Which generations a list shows; what is left out does not filter. */
export interface GenerationFilter {
  /** null: of all tenants. */
  readonly tenant: string | null;
  readonly states?: readonly GenerationState[];
  readonly models?: readonly string[];
  readonly createdAfter?: Date;
  readonly createdBefore?: Date;
  /** Those with an image of one of these classes; the label -1 is no class. */
  readonly classes?: readonly { readonly model: string; readonly label: number }[];
}

export interface PageRequest {
  /** How many at most. */
  readonly count: number;
  /** `older` goes on from `cursor` to older ones, `newer` back. */
  readonly direction: 'older' | 'newer';
  /** Exclusive; null begins at the end that the direction comes from. */
  readonly cursor: string | null;
}

export interface Page {
  /** Newest first, whichever the direction. */
  readonly generations: readonly (Generation & { readonly cursor: string })[];
  readonly hasNewer: boolean;
  readonly hasOlder: boolean;
}

/** Where a generation stands in the queue. */
export interface QueuePlace {
  readonly id: string;
  /** Generations that will be begun before it. */
  readonly position: number;
  /** Ready workers that have its model: at none it waits until one comes, for ever if none does. */
  readonly workers: number;
  /** Estimated time until it begins; null where nothing is known of its models' speed, or no worker has its model. */
  readonly milliseconds: number | null;
}

/** What the API does with generations. */
export interface GenerationRecords {
  /**
   * Writes a generation with its `queued` event, durably. `existed`: the idempotency key was used before.
   * @throws TesseraError `queue-full` (with `retryAfter` in seconds), `idempotency-conflict` where the key came with another request
   */
  create(
    generation: NewGeneration,
    limits: QueueLimits,
  ): Promise<{ readonly generation: Generation; readonly existed: boolean }>;
  /** null also where it belongs to another tenant; `tenant` null finds all. */
  find(id: string, tenant: string | null): Promise<Generation | null>;
  list(filter: GenerationFilter, page: PageRequest): Promise<Page>;
  count(filter: GenerationFilter): Promise<number>;
  /** Ends a queued one at once; a running one's worker is told. Returns how it is now. */
  cancel(id: string): Promise<Generation | null>;
  /** Deletes the record, its events and tokens; cancels first what has not ended. False where there is none. */
  remove(id: string): Promise<boolean>;
  /**
   * New events of many generations by one statement, in order: of each those with seqs from `after + 1` to
   * `after + most`. Generations that no longer exist are left out of the map.
   */
  eventsAfter(
    wanted: readonly { readonly id: string; readonly after: number; readonly most: number }[],
  ): Promise<ReadonlyMap<string, readonly GenerationEvent[]>>;
  /** Places of all that wait, by one statement. */
  places(): Promise<readonly QueuePlace[]>;
}

/** A stored picture, by the SHA-256 of its PNG. */
export interface Picture {
  readonly sha256: string;
  /** Null of pictures that an earlier Tessera made. */
  readonly width: number | null;
  readonly height: number | null;
  readonly bytes: number | null;
}

/** Whose pictures are stored: those of events come with them. */
export interface PictureRecords {
  /** Those that the tenant has, of its generations or uploads; `tenant` null finds all. */
  find(shas: readonly string[], tenant: string | null): Promise<ReadonlyMap<string, Picture>>;
  /** Of these, the tenant's uploads and finished images: previews are not kept for as long. */
  editable(shas: readonly string[], tenant: string): Promise<ReadonlySet<string>>;
  /** An upload: the same picture twice is one. */
  add(tenant: string, picture: Picture): Promise<void>;
  /** Which of these anything still refers to: the others are garbage. */
  inUse(shas: readonly string[]): Promise<ReadonlySet<string>>;
}

/** Who may append to a generation: the holder of its newest attempt, and only while it runs. */
export interface Claim {
  readonly id: string;
  readonly attempt: number;
}

/** A generation that a worker has taken up. Its worker appends `loading` where the model must be read, then `started` or `restarted`. */
export interface Claimed extends Claim {
  readonly request: GenerationRequest;
  readonly batchKey: string;
  readonly lastSeq: number;
  /** What the head drew at each step so far (`encodeWritten` of @tessera/host), in order: these steps are not drawn again. */
  readonly tokens: readonly Uint8Array[];
  /** Durations of the steps so far, for the timings. */
  readonly milliseconds: readonly number[];
  /** It ended a process before: it runs alone. */
  readonly alone: boolean;
  /** As `NewGeneration.trace`. */
  readonly trace: string | null;
  /** Milliseconds since it was accepted, by the database's time. */
  readonly age: number;
  /** Milliseconds until it is to be canceled; null where no time was set. */
  readonly cancelInMs: number | null;
}

export interface ClaimRequest {
  readonly worker: string;
  /** Names of the models that this worker has. */
  readonly models: readonly string[];
  /** Together, of all that are claimed; one generation of more images is claimed alone, but not with `batchKey`. */
  readonly maxImages: number;
  /** Only of this key, and only where nothing of another key should run first: to join a batch that runs. */
  readonly batchKey?: string;
}

/**
 * One event to append, with the tokens of its step. Where an event of this `seq` is there already, the same call was made
 * before and its answer was lost: nothing is changed.
 */
export interface Append extends Claim {
  /** The generation's newest event and one: only its worker appends while it runs. */
  readonly seq: number;
  readonly body: EventBody;
  /** What is known of the pictures that the body names. */
  readonly pictures?: readonly Picture[];
  /** Of `step` events: kept until the generation ends. */
  readonly tokens?: Uint8Array;
}

/** What workers do. */
export interface WorkQueue {
  /** Longest time between two beats of a living worker, in milliseconds. */
  readonly leaseMs: number;
  register(worker: { readonly id: string; readonly name: string; readonly state: WorkerState }): Promise<void>;
  /**
   * Renews the lease of everything that this worker runs. Where `owned` names a claim that the worker does not know (the
   * answer of `claim` was lost), it releases it.
   * @returns ids of this worker's claims whose cancel was asked for, and all that are still its own
   */
  beat(
    worker: string,
    state: WorkerState,
  ): Promise<{ readonly canceled: readonly string[]; readonly owned: readonly Claim[] }>;
  /** Hands over what it runs, and leaves. */
  unregister(worker: string): Promise<void>;
  workers(): Promise<readonly WorkerRecord[]>;
  /**
   * Takes up what should run next: fair between clients (each client's first before anybody's second, within a priority;
   * what runs counts), then oldest first, and with it others of the same batch key. Nothing for a worker that is not
   * registered or has not beaten for longer than its lease. With `batchKey`: nothing while one of another key that
   * would come first has waited for more than a second, so that no batch goes on for ever.
   */
  claim(request: ClaimRequest): Promise<readonly Claimed[]>;
  /**
   * Appends events in order, all in one transaction. Each takes effect only if its claim still holds.
   * @returns claims that were lost: nothing more of them will be accepted
   */
  append(events: readonly Append[]): Promise<readonly Claim[]>;
  /**
   * Gives claims back to the queue, with the steps they have written. `blame`: the attempt ended a process or failed in a
   * batch, and the next one runs alone; after three such ends without a new step the generation fails with this failure.
   */
  release(claims: readonly Claim[], blame?: { readonly code: string; readonly message: string }): Promise<void>;
  /**
   * Requeues what dead workers ran, ends what waited past its deadline, forgets workers that are gone. Any process may call
   * it at any time. Returns how many generations it has moved.
   */
  reap(): Promise<number>;
}
