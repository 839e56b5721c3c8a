import { totalmem } from 'node:os';
import { isTesseraError, printable, TesseraError } from '@tessera/errors';
import {
  checkRequest,
  listPlugins,
  loadPlugins,
  outlineModel,
  type LoadedPlugins,
  type ModelOutline,
  type PluginFacts,
  type PluginProblem,
  type Plugins,
  unknownModel,
} from '@tessera/models';
import type { Checked, GenerationRequest } from '@tessera/request';
import { died, disposed, hangs, ignoresCancel, mayHang } from './errors.ts';
import { eventQueue, type EventQueue } from './event-queue.ts';
import type { Host, HostHealth, HostOptions, ModelProblem, RunOptions } from './host-types.ts';
import { startModelProcess, type ModelProcess, type Ready } from './model-process.ts';
import { isTerminal, type ChildSetup, type HostEvent, type ModelDescription, type PictureFiles } from './protocol.ts';
import type { Hang, WatchLimits } from './watchdog.ts';

interface Job {
  readonly id: number;
  readonly request: Checked<GenerationRequest>;
  readonly queue: EventQueue;
}

/**
 * Starts the models' process and looks at every model folder.
 * @throws TesseraError `model-process-failed`; the engine's own errors for a target that is not there
 */
export async function startHost(options: HostOptions): Promise<Host> {
  const { modelFolders, config = null, target, threads, cancelGrace = 10_000, report = console.error } = options;
  const { batchBytes = totalmem() / 4, pictureFile = (name) => name } = options;
  const limits = { step: options.stepLimit ?? 120_000, beat: options.beatLimit ?? 30_000 };
  const setup = { folders: modelFolders, config, batchBytes, ...(target && { target }), ...(threads && { threads }) };
  const loaded = await loadPlugins(config);
  const host = new ProcessHost(setup, { loaded, cancelGrace, limits, pictureFile, report });
  await host.start();
  return host;
}

interface HostContext {
  readonly loaded: LoadedPlugins;
  readonly cancelGrace: number;
  readonly limits: WatchLimits;
  readonly pictureFile: (name: string) => string;
  readonly report: (line: string) => void;
}

class ProcessHost implements Host {
  readonly #setup: ChildSetup;
  readonly #context: HostContext;
  readonly #waiting: Job[] = [];
  #current: Job | null = null;
  #process: ModelProcess | null = null;
  #starting: Promise<void> | null = null;
  #ready: Ready | null = null;
  #outlines: ReadonlyMap<string, ModelOutline> = new Map();
  #lastId = 0;
  #disposed = false;
  /** Why it did not start when it was last tried. */
  #failure: string | null = null;
  /** Runs until the current generation answers its cancel. */
  #grace: NodeJS.Timeout | undefined;

  constructor(setup: ChildSetup, context: HostContext) {
    this.#setup = setup;
    this.#context = context;
  }

  get target(): string {
    return this.#ready!.target;
  }

  get why(): string {
    return this.#ready!.why;
  }

  get pid(): number | null {
    return this.#process?.pid ?? null;
  }

  health(): HostHealth {
    const worry = this.#process?.watchdog.worry;
    if (worry) return { status: 'hanging', why: mayHang(worry, this.#context.limits) };
    if (this.#process) return { status: 'ok', why: null };
    return this.#failure !== null && !this.#starting
      ? { status: 'dead', why: this.#failure }
      : { status: 'starting', why: 'The model process has ended and is being started again.' };
  }

  models(): readonly ModelDescription[] {
    return this.#ready!.models.flatMap((model) => ('description' in model ? [model.description] : []));
  }

  problems(): readonly ModelProblem[] {
    return this.#ready!.models.flatMap((model) => ('description' in model ? [] : [model]));
  }

  plugins(): readonly PluginFacts[] {
    return listPlugins(this.#context.loaded.plugins);
  }

  pluginProblems(): readonly PluginProblem[] {
    return this.#context.loaded.problems;
  }

  async start(): Promise<void> {
    const { report, loaded } = this.#context;
    this.#outlines = await outlinesOf(this.#setup.folders, loaded.plugins);
    for (const { manifest, remarks } of this.#ready ? [] : this.#outlines.values()) {
      for (const remark of remarks) report(`${printable(manifest.name, 120)}: ${remark}`);
    }
    const started: ModelProcess = await startModelProcess({
      setup: this.#setup,
      limits: this.#context.limits,
      onHang: (why) => this.#endHanging(why),
      onEvent: (id, event) => this.#tell(id, event),
      onEnd: (how) => this.#afterEnd(started, how),
    });
    if (this.#disposed) return started.kill();
    this.#process = started;
    this.#ready = started.ready;
    this.#failure = null;
  }

  check(request: GenerationRequest): Checked<GenerationRequest> {
    const outline = this.#outlines.get(request.model);
    if (!outline || !this.#folderOf(request.model)) throw this.#unknown(request.model);
    return checkRequest(outline, request);
  }

  generate(request: GenerationRequest, options?: RunOptions): AsyncIterable<HostEvent> {
    try {
      return this.run(this.check(request), options);
    } catch (error) {
      if (!isTesseraError(error)) throw error;
      const queue = eventQueue(() => undefined);
      queue.push(failed(error));
      return queue.events;
    }
  }

  run(request: Checked<GenerationRequest>, { signal }: RunOptions = {}): AsyncIterable<HostEvent> {
    const id = ++this.#lastId;
    const cancel = () => this.#cancel(id);
    const queue = eventQueue(cancel);
    this.#waiting.push({ id, request, queue });
    if (this.#disposed) this.#waiting.pop()!.queue.push(failed(disposed()));
    else if (signal?.aborted) cancel();
    else signal?.addEventListener('abort', cancel, { once: true });
    this.#pump();
    return queue.events;
  }

  async dispose(): Promise<void> {
    this.#disposed = true;
    for (const job of this.#waiting.splice(0)) job.queue.push(failed(disposed()));
    this.#current?.queue.push(failed(disposed()));
    this.#endCurrent();
    await this.#starting;
    await this.#process?.kill();
  }

  /** Sends the next generation to the child, when there are both. */
  #pump(): void {
    if (this.#disposed || this.#current || this.#waiting.length === 0) return;
    if (!this.#process) return this.#restart();
    const job = (this.#current = this.#waiting.shift()!);
    const folder = this.#folderOf(job.request.model);
    this.#process.watchdog.step();
    if (folder) {
      const files = filesOf(job.request, this.#context.pictureFile);
      return this.#process.send({ type: 'generate', id: job.id, folder, request: job.request, files });
    }
    job.queue.push(failed(this.#unknown(job.request.model)));
    this.#current = null;
    this.#pump();
  }

  /** A child that does not start fails the oldest generation, so that every try has an end and an answer. */
  #restart(): void {
    if (this.#process) return;
    this.#starting ??= this.start()
      .catch((error: Error & { code?: string }) => {
        this.#context.report(error.message);
        this.#failure = error.message;
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
    this.#process?.watchdog.step();
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
      this.#grace ??= setTimeout(() => this.#endUnresponsive(), this.#context.cancelGrace);
    }
  }

  /** A part that ignores its cancel holds up every other generation. */
  #endUnresponsive(): void {
    this.#endProcess(ignoresCancel(this.#runningOutline()!, this.#context.cancelGrace));
  }

  #endHanging(why: Hang): void {
    const error = hangs(why, this.#context.limits, this.#runningOutline());
    this.#current?.queue.push(failed(error));
    this.#endProcess(error);
  }

  /** Ends the process and starts another. */
  #endProcess({ message }: TesseraError): void {
    this.#context.report(message);
    this.#endCurrent();
    const ended = this.#process;
    this.#process = null;
    void ended?.kill().then(() => !this.#disposed && this.#restart());
  }

  #runningOutline(): ModelOutline | null {
    return this.#current && this.#outlines.get(this.#current.request.model)!;
  }

  #endCurrent(): void {
    clearTimeout(this.#grace);
    this.#grace = undefined;
    this.#current = null;
    this.#process?.watchdog.rest();
  }

  #afterEnd(ended: ModelProcess, how: string): void {
    if (this.#process !== ended) return;
    this.#process = null;
    if (this.#disposed) return;
    const error = died(how, this.#runningOutline());
    this.#context.report(error.message);
    this.#current?.queue.push(failed(error));
    this.#endCurrent();
    this.#restart();
  }

  #folderOf(name: string): string | undefined {
    return this.#ready!.models.find((model) => 'description' in model && model.description.name === name)?.folder;
  }

  #unknown(name: string): TesseraError {
    const names = this.models().map((model) => model.name);
    return unknownModel(name, names, { who: 'host', next: 'Put its folder into models/ and start again.' });
  }
}

function failed({ code, message }: TesseraError): HostEvent {
  return { type: 'failed', code, message };
}

/** The file of each picture that an edit names. */
function filesOf({ edit }: GenerationRequest, pictureFile: (name: string) => string): PictureFiles {
  const names = [edit?.image, edit?.mask].filter((name) => name !== undefined);
  return Object.fromEntries(names.map((name) => [name, pictureFile(name)]));
}

/** By name. What is wrong with a folder, the models' process says. */
async function outlinesOf(folders: readonly string[], plugins: Plugins): Promise<ReadonlyMap<string, ModelOutline>> {
  const all = await Promise.allSettled(folders.map((folder) => outlineModel(folder, plugins)));
  const read = all.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  return new Map(read.map((outline) => [outline.manifest.name, outline]));
}
