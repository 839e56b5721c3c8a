import type { TargetName } from '@tessera/targets';
import type { PluginFacts, PluginProblem } from '@tessera/models';
import type { Checked, GenerationRequest } from '@tessera/request';
import type { HostEvent, ModelDescription } from './protocol.ts';

export interface HostOptions {
  /** Folders with a `model.json` each. */
  readonly modelFolders: readonly string[];
  /** The project's configuration (`findConfig` of @tessera/models), which lists its plug-ins; none by default. */
  readonly config?: string | null;
  readonly target?: TargetName;
  /** Threads of the model's kernels. */
  readonly threads?: number;
  /**
   * Memory that the images of one batch may take together, in bytes: a quarter of the machine's by default. More images
   * are made in several batches, and one at a time where not even one is thought to fit.
   */
  readonly batchBytes?: number;
  /** How long a generation may go on after its cancel before its process is ended, in milliseconds: 10 s by default. */
  readonly cancelGrace?: number;
  /** How long a step, or opening a model, may take before its process is ended, in milliseconds: 2 minutes by default. */
  readonly stepLimit?: number;
  /** How long that process may be silent before it is ended, in milliseconds: 30 s by default. */
  readonly beatLimit?: number;
  /** The file of a picture that an edit names; by default its name is its path. */
  readonly pictureFile?: (name: string) => string;
  /** Takes a line for the operator where the models' process ends or does not come back; standard error by default. */
  readonly report?: (line: string) => void;
}

/** A model folder that cannot be used, and why. */
export interface ModelProblem {
  readonly folder: string;
  readonly code: string;
  readonly message: string;
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

/** Runs models in a child process, one generation at a time, in the order of the calls. */
export interface Host {
  readonly target: string;
  /** One line for health pages: which target and why. */
  readonly why: string;
  /** Process id of the models' process; null while it is being restarted. */
  readonly pid: number | null;
  /** How the models' process is, now. */
  health(): HostHealth;
  models(): readonly ModelDescription[];
  problems(): readonly ModelProblem[];
  /** Tessera's own plug-ins and the project's. */
  plugins(): readonly PluginFacts[];
  /** What of the project's configuration was left out. */
  pluginProblems(): readonly PluginProblem[];
  /**
   * Checks a request by its model at once, whatever runs: it needs no weights. It does not open the pictures of an edit,
   * as `readEdit` does.
   * @throws TesseraError `unknown-model`, and the codes of `checkRequest` of @tessera/models
   */
  check(request: GenerationRequest): Checked<GenerationRequest>;
  /**
   * Queues a generation at once. Its errors are events too; the iterable never throws. A reader that stops early cancels
   * it.
   */
  run(request: Checked<GenerationRequest>, options?: RunOptions): AsyncIterable<HostEvent>;
  /** `check` and `run`: what is wrong with the request comes as the event `failed`. */
  generate(request: GenerationRequest, options?: RunOptions): AsyncIterable<HostEvent>;
  /** Ends the child; unfinished generations fail with `host-disposed`. */
  dispose(): Promise<void>;
}
