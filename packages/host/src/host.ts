import { totalmem } from 'node:os';
import { printable, TesseraError } from '@tessera/errors';
import { nearestName } from '@tessera/core';
import type { TargetName } from '@tessera/engine';
import {
  listPlugins,
  loadPlugins,
  outlineModel,
  readRequest,
  type LoadedPlugins,
  type ModelOutline,
  type PluginFacts,
  type PluginProblem,
  type Plugins,
} from '@tessera/models';
import { checkRegion } from '@tessera/pictures';
import { eventQueue, type EventQueue } from './event-queue.ts';
import { isTerminal, type HostEvent, type HostRequest, type ModelDescription } from './events.ts';
import { deaf, died, disposed } from './host-errors.ts';
import { startModelProcess, type ModelProcess, type Ready } from './model-process.ts';
import type { ChildSetup } from './protocol.ts';

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
  /** Takes a line for the operator where the models' process ends or does not come back; standard error by default. */
  readonly report?: (line: string) => void;
}

/** A model folder that cannot be used, and why. */
export interface ModelProblem {
  readonly folder: string;
  readonly code: string;
  readonly message: string;
}

/** Runs models in a child process, one generation at a time, in the order of the calls. */
export interface Host {
  readonly target: TargetName;
  /** One line for health pages: which target and why. */
  readonly why: string;
  /** Process id of the models' process; null while it is being restarted. */
  readonly pid: number | null;
  models(): readonly ModelDescription[];
  problems(): readonly ModelProblem[];
  /** Tessera's own plug-ins and the project's. */
  plugins(): readonly PluginFacts[];
  /** What of the project's configuration was left out. */
  pluginProblems(): readonly PluginProblem[];
  /**
   * Checks a request as its model will, but at once, whatever runs: it needs no weights. It does not open the picture
   * of an edit, as `readEdit` does.
   * @throws TesseraError `unknown-model`, and the codes of `readRequest` of @tessera/models and `checkRegion` of
   * @tessera/pictures
   */
  check(request: HostRequest): void;
  /**
   * Queues a generation at once. Its errors are events too; the iterable never throws. An abort ends it with `canceled`
   * within one step; so does a reader that stops early.
   */
  generate(request: HostRequest, options?: { readonly signal?: AbortSignal }): AsyncIterable<HostEvent>;
  /** Ends the child; unfinished generations fail with `host-disposed`. */
  dispose(): Promise<void>;
}

interface Job {
  readonly id: number;
  readonly request: HostRequest;
  readonly queue: EventQueue;
}

/**
 * Starts the models' process and looks at every model folder.
 * @throws TesseraError `model-process-failed`; the engine's own errors for a target that is not there
 */
export async function startHost(options: HostOptions): Promise<Host> {
  const { modelFolders, config = null, target, threads, cancelGrace = 10_000, report = console.error } = options;
  const { batchBytes = totalmem() / 4 } = options;
  const setup = { folders: modelFolders, config, batchBytes, ...(target && { target }), ...(threads && { threads }) };
  const loaded = await loadPlugins(config);
  const host = new ProcessHost(setup, { loaded, cancelGrace, report });
  await host.start();
  return host;
}

interface Surroundings {
  readonly loaded: LoadedPlugins;
  readonly cancelGrace: number;
  readonly report: (line: string) => void;
}

class ProcessHost implements Host {
  readonly #setup: ChildSetup;
  readonly #around: Surroundings;
  readonly #waiting: Job[] = [];
  #current: Job | null = null;
  #process: ModelProcess | null = null;
  #starting: Promise<void> | null = null;
  #ready: Ready | null = null;
  #outlines: ReadonlyMap<string, ModelOutline> = new Map();
  #lastId = 0;
  #disposed = false;
  /** Until the current generation answers to its cancel. */
  #patience: NodeJS.Timeout | undefined;

  constructor(setup: ChildSetup, around: Surroundings) {
    this.#setup = setup;
    this.#around = around;
  }

  get target(): TargetName {
    return this.#ready!.target;
  }

  get why(): string {
    return this.#ready!.why;
  }

  get pid(): number | null {
    return this.#process?.pid ?? null;
  }

  models(): readonly ModelDescription[] {
    return this.#ready!.models.flatMap((model) => ('description' in model ? [model.description] : []));
  }

  problems(): readonly ModelProblem[] {
    return this.#ready!.models.flatMap((model) => ('description' in model ? [] : [model]));
  }

  plugins(): readonly PluginFacts[] {
    return listPlugins(this.#around.loaded.plugins);
  }

  pluginProblems(): readonly PluginProblem[] {
    return this.#around.loaded.problems;
  }

  async start(): Promise<void> {
    const { report, loaded } = this.#around;
    this.#outlines = await outlinesOf(this.#setup.folders, loaded.plugins);
    for (const { manifest, remarks } of this.#ready ? [] : this.#outlines.values()) {
      for (const remark of remarks) report(`${printable(manifest.name, 120)}: ${remark}`);
    }
    const started: ModelProcess = await startModelProcess({
      setup: this.#setup,
      onEvent: (id, event) => this.#tell(id, event),
      onEnd: (how) => this.#afterEnd(started, how),
    });
    if (this.#disposed) return started.kill();
    this.#process = started;
    this.#ready = started.ready;
  }

  check(request: HostRequest): void {
    const outline = this.#outlines.get(request.model);
    if (!outline || !this.#folderOf(request.model)) throw this.#unknown(request.model);
    readRequest(outline, request);
    if (request.edit) checkRegion(request.edit, request.edit.mask !== undefined, request.model);
  }

  generate(request: HostRequest, { signal }: { signal?: AbortSignal } = {}): AsyncIterable<HostEvent> {
    const id = ++this.#lastId;
    const cancel = () => this.#cancel(id);
    const queue = eventQueue(cancel);
    this.#waiting.push({ id, request, queue });
    if (this.#disposed) this.#fail(this.#waiting.pop()!, disposed());
    else if (signal?.aborted) cancel();
    else signal?.addEventListener('abort', cancel, { once: true });
    this.#pump();
    return queue.events;
  }

  async dispose(): Promise<void> {
    this.#disposed = true;
    for (const job of this.#waiting.splice(0)) this.#fail(job, disposed());
    if (this.#current) this.#fail(this.#current, disposed());
    this.#endCurrent();
    await this.#starting;
    await this.#process?.kill();
  }

  /** Gives the next generation to the child, when both are there. */
  #pump(): void {
    if (this.#disposed || this.#current || this.#waiting.length === 0) return;
    if (!this.#process) return this.#restart();
    const job = (this.#current = this.#waiting.shift()!);
    const folder = this.#folderOf(job.request.model);
    if (folder) return this.#process.send({ type: 'generate', id: job.id, folder, request: job.request });
    this.#fail(job, this.#unknown(job.request.model));
    this.#current = null;
    this.#pump();
  }

  /** A child that does not start fails the oldest generation, so that every try has an end and an answer. */
  #restart(): void {
    this.#starting ??= this.start()
      .catch((error: Error & { code?: string }) => {
        this.#around.report(error.message);
        const job = this.#waiting.shift();
        job?.queue.push({ type: 'failed', code: error.code ?? 'model-process-failed', message: error.message });
      })
      .then(() => {
        this.#starting = null;
        this.#pump();
      });
  }

  #tell(id: number, event: HostEvent): void {
    if (this.#current?.id !== id) return;
    this.#current.queue.push(event);
    if (!isTerminal(event)) return;
    this.#endCurrent();
    this.#pump();
  }

  #cancel(id: number): void {
    const index = this.#waiting.findIndex((job) => job.id === id);
    if (index >= 0) this.#waiting.splice(index, 1)[0]!.queue.push({ type: 'canceled' });
    else if (this.#current?.id === id) {
      // Its reader has the end at once; the process has time to come to one.
      this.#current.queue.push({ type: 'canceled' });
      this.#process?.send({ type: 'cancel', id });
      this.#patience ??= setTimeout(() => this.#endDeaf(), this.#around.cancelGrace);
    }
  }

  /** A part that ignores its cancel holds up every other generation: its process is ended, and another takes over. */
  #endDeaf(): void {
    const { request, queue } = this.#current!;
    this.#around.report(deaf(this.#outlines.get(request.model)!, this.#around.cancelGrace).message);
    queue.push({ type: 'canceled' });
    this.#endCurrent();
    const ended = this.#process;
    this.#process = null;
    void ended?.kill().then(() => this.#pump());
  }

  #endCurrent(): void {
    clearTimeout(this.#patience);
    this.#patience = undefined;
    this.#current = null;
  }

  #afterEnd(ended: ModelProcess, how: string): void {
    if (this.#process !== ended) return;
    this.#process = null;
    if (this.#disposed) return;
    const error = died(how, this.#current && this.#outlines.get(this.#current.request.model)!);
    this.#around.report(error.message);
    if (this.#current) this.#fail(this.#current, error);
    this.#endCurrent();
    this.#restart();
  }

  #fail({ queue }: Job, { code, message }: TesseraError): void {
    queue.push({ type: 'failed', code, message });
  }

  #folderOf(name: string): string | undefined {
    return this.#ready!.models.find((model) => 'description' in model && model.description.name === name)?.folder;
  }

  #unknown(name: string): TesseraError {
    const names = this.models().map((model) => model.name);
    const near = nearestName(name, names);
    return new TesseraError({
      code: 'unknown-model',
      who: 'host',
      got: `the model ${name}`,
      expected: names.length > 0 ? `one of ${names.join(', ')}` : 'a model, but none is installed',
      ...(near !== null && { next: `Did you mean ${near}?` }),
    });
  }
}

/** By name. What is wrong with a folder, the models' process says. */
async function outlinesOf(folders: readonly string[], plugins: Plugins): Promise<ReadonlyMap<string, ModelOutline>> {
  const all = await Promise.allSettled(folders.map((folder) => outlineModel(folder, plugins)));
  const read = all.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  return new Map(read.map((outline) => [outline.manifest.name, outline]));
}
