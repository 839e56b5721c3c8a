import type { PrecisionChoice } from '@tessera/engine';
import type { TargetName } from '@tessera/targets';
import type { Checked, GenerationRequest } from '@tessera/request';
import type { KnownModels, ModelFolders } from './folders.ts';
import type { HostEvent, PictureFiles } from './protocol.ts';

export interface HostOptions {
  /** Folders with a `model.json` each. */
  readonly modelFolders: readonly string[];
  /** The project's configuration (`findConfig` of @tessera/models), which lists its plug-ins; none by default. */
  readonly config?: string | null;
  /** Both, already described: `describeFolders` of the same. */
  readonly described?: ModelFolders;
  readonly target?: TargetName;
  /** Of all models; by default what each model says. */
  readonly precision?: PrecisionChoice;
  /** Threads of the model's kernels. */
  readonly threads?: number;
  /**
   * Memory that the images of one batch may take together, in bytes: a quarter of the machine's by default. More images
   * are made in several parts, and one at a time where not even one is thought to fit.
   */
  readonly batchBytes?: number;
  /**
   * Memory that the weights of loaded models may take together, in bytes: half of the machine's by default. Models are
   * loaded when they are first asked for; those used longest ago make room, and one may always be there.
   */
  readonly modelBytes?: number;
  /** How long a generation may go on after its cancel before its process is ended, in milliseconds: 10 s by default. */
  readonly cancelGrace?: number;
  /** How long a step, or loading a model, may take before its process is ended, in milliseconds: 2 minutes by default. */
  readonly stepLimit?: number;
  /** How long that process may be silent before it is ended, in milliseconds: 30 s by default. */
  readonly beatLimit?: number;
  /** Takes a line for the operator where the models' process ends or does not come back; standard error by default. */
  readonly report?: (line: string) => void;
  /** Takes each line that the models' process prints; standard error by default. */
  readonly print?: (line: string) => void;
}

/** `why` is null where all is well, else one sentence. */
export interface HostHealth {
  /** `ok`; `starting`: it is being started again; `dead`: it did not start; `hanging`: it may soon be ended. */
  readonly status: 'ok' | 'starting' | 'dead' | 'hanging';
  readonly why: string | null;
}

export interface RunOptions {
  /** An abort ends the generation with `canceled` within one step. */
  readonly signal?: AbortSignal;
}

/** A generation in a batch. */
export interface BatchMember {
  /** Unique among those of the host that have not ended. */
  readonly id: string;
  readonly request: Checked<GenerationRequest>;
  /** `tokens` of its step events so far: these steps are not drawn again. */
  readonly written: readonly Uint8Array[];
  /** The file of each picture that its edit names; by default the name is the path. */
  readonly files?: PictureFiles;
}

export interface BatchEvent {
  readonly id: string;
  readonly event: HostEvent;
}

/** How a batch ended. */
export interface BatchEnd {
  /** The models' process had been given it. Where it had not, a failure is not due to any member. */
  readonly begun: boolean;
  /** Members without a last event: they can go on from the steps that they have told. */
  readonly unfinished: readonly string[];
  /** Why the models' process did not go on; null where it came to the end, or was stopped. */
  readonly failure: { readonly code: string; readonly message: string } | null;
}

/**
 * Generations of one model that run together, from the first to the last. Those of equal `batchKey` share steps where
 * they fit into memory together; all others wait until there is room for them.
 */
export interface BatchRun {
  /** Ends with the run, and never throws. A reader that stops early cancels all. */
  readonly events: AsyncIterable<BatchEvent>;
  /** Never rejects. Comes when all events have been given to the reader. */
  readonly ended: Promise<BatchEnd>;
  /** Images of the same key that would begin at the next step boundary; 0 where they would have to wait. */
  readonly room: number;
  /** Takes generations of the same model. False where the run has ended: they belong into the next one. */
  join(members: readonly BatchMember[]): boolean;
  /** Ends one with `canceled` at once; the others do not notice. The model stops within one step of the last one's leave. */
  leave(id: string): void;
  /** Ends the run at the next step boundary, for others to go on from there. Images that are being rendered are finished. */
  stop(): void;
}

/** Runs models in a child process, one batch at a time, in the order of the calls. */
export interface Host extends KnownModels {
  readonly target: string;
  /** One line for health pages: which target and why. */
  readonly why: string;
  /** Process id of the models' process; null while it is being restarted. */
  readonly pid: number | null;
  /** Bytes of memory that the models' process takes; null while it is being restarted. */
  readonly memoryBytes: number | null;
  /** How the models' process is, now. */
  health(): HostHealth;
  /** Tries once to start the models' process where it is not there. Never throws: `health` says how it went. */
  startAgain(): Promise<void>;
  /** Names of the models that are in memory, the one used longest ago first. */
  loaded(): readonly string[];
  /** Queues a batch at once. All members are of one model, and there is at least one. */
  runBatch(members: readonly BatchMember[]): BatchRun;
  /**
   * Queues a generation alone at once. Its errors are events too; the iterable never throws. A reader that stops early
   * cancels it.
   */
  run(request: Checked<GenerationRequest>, options?: RunOptions): AsyncIterable<HostEvent>;
  /** `check` and `run`: what is wrong with the request comes as the event `failed`. */
  generate(request: GenerationRequest, options?: RunOptions): AsyncIterable<HostEvent>;
  /** Ends the child; what has not ended fails with `host-disposed`. To lose no step, `stop` all runs before. */
  dispose(): Promise<void>;
}
