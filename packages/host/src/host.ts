import { totalmem } from 'node:os';
import type { Layout } from '@tessera/core';
import { isTesseraError, type TesseraError } from '@tessera/errors';
import type { ModelOutline, PluginFacts, PluginProblem } from '@tessera/models';
import type { Checked, GenerationRequest } from '@tessera/request';
import { HostRun } from './batch-run.ts';
import { died, disposed, hangs, ignoresCancel, mayHang } from './errors.ts';
import { describeFolders, type ModelFolders, type ModelProblem } from './folders.ts';
import type { BatchMember, BatchRun, Host, HostHealth, HostOptions, RunOptions } from './host-types.ts';
import { startModelProcess, type ModelProcess, type Ready } from './model-process.ts';
import type { ChildSetup, FromChild, HostEvent, ModelDescription } from './protocol.ts';
import type { Hang, WatchLimits } from './watchdog.ts';

/**
 * Starts the models' process and looks at every model folder. No model is loaded yet.
 * @throws TesseraError `model-process-failed`; the engine's own errors for a target that is not there
 */
export async function startHost(options: HostOptions): Promise<Host> {
  const { modelFolders, config = null, target, precision, threads } = options;
  const { cancelGrace = 10_000, report = console.error, print = console.error } = options;
  const { batchBytes = totalmem() / 4, modelBytes = totalmem() / 2 } = options;
  const limits = { step: options.stepLimit ?? 120_000, beat: options.beatLimit ?? 30_000 };
  const engine = { ...(target && { target }), ...(precision && { precision }), ...(threads && { threads }) };
  const setup = { config, batchBytes, modelBytes, ...engine };
  const folders = options.described ?? (await describeFolders(modelFolders, config));
  const host = new ProcessHost(setup, { folders, cancelGrace, limits, report, print });
  for (const remark of folders.remarks) report(remark);
  await host.start();
  return host;
}

interface HostContext {
  readonly folders: ModelFolders;
  readonly cancelGrace: number;
  readonly limits: WatchLimits;
  readonly report: (line: string) => void;
  readonly print: (line: string) => void;
}

class ProcessHost implements Host {
  readonly #setup: ChildSetup;
  readonly #context: HostContext;
  readonly #waiting: HostRun[] = [];
  #current: HostRun | null = null;
  #process: ModelProcess | null = null;
  #starting: Promise<void> | null = null;
  #ready: Ready | null = null;
  #loaded: readonly string[] = [];
  #lastId = 0;
  #disposed = false;
  /** Why it did not start when it was last tried. */
  #failure: string | null = null;
  /** Runs until the models' process answers that the run, which all have left, has ended. */
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

  get memoryBytes(): number | null {
    return this.#process?.memoryBytes() ?? null;
  }

  health(): HostHealth {
    const worry = this.#process?.watchdog.worry;
    if (worry) return { status: 'hanging', why: mayHang(worry, this.#context.limits) };
    if (this.#process) return { status: 'ok', why: null };
    return this.#failure !== null && !this.#starting
      ? { status: 'dead', why: this.#failure }
      : { status: 'starting', why: 'The model process has ended and is being started again.' };
  }

  async startAgain(): Promise<void> {
    if (!this.#disposed) this.#restart();
    await this.#starting;
  }

  models(): readonly ModelDescription[] {
    return this.#context.folders.models();
  }

  samplesOf(name: string): string | null {
    return this.#context.folders.samplesOf(name);
  }

  problems(): readonly ModelProblem[] {
    return this.#context.folders.problems();
  }

  plugins(): readonly PluginFacts[] {
    return this.#context.folders.plugins();
  }

  pluginProblems(): readonly PluginProblem[] {
    return this.#context.folders.pluginProblems();
  }

  async start(): Promise<void> {
    const started: ModelProcess = await startModelProcess({
      setup: this.#setup,
      limits: this.#context.limits,
      print: this.#context.print,
      onHang: (why) => this.#endHanging(why),
      onMessage: (message) => this.#take(message),
      onEnd: (how) => this.#afterEnd(started, how),
    });
    if (this.#disposed) return started.kill();
    this.#process = started;
    this.#loaded = [];
    this.#ready = started.ready;
    this.#failure = null;
  }

  check(request: GenerationRequest): Checked<GenerationRequest> {
    return this.#context.folders.check(request);
  }

  steps(request: Checked<GenerationRequest>): number {
    return this.#context.folders.steps(request);
  }

  layout(request: Pick<GenerationRequest, 'model' | 'size'>): Layout {
    return this.#context.folders.layout(request);
  }

  loaded(): readonly string[] {
    return this.#process ? this.#loaded : [];
  }

  generate(request: GenerationRequest, options?: RunOptions): AsyncIterable<HostEvent> {
    try {
      return this.run(this.check(request), options);
    } catch (error) {
      if (!isTesseraError(error)) throw error;
      return one(failed(error));
    }
  }

  run(request: Checked<GenerationRequest>, { signal }: RunOptions = {}): AsyncIterable<HostEvent> {
    const id = 'only';
    const run = this.runBatch([{ id, request, written: [] }]);
    if (signal?.aborted) run.leave(id);
    else signal?.addEventListener('abort', () => run.leave(id), { once: true });
    return eventsOf(run);
  }

  runBatch(members: readonly BatchMember[]): BatchRun {
    const run: HostRun = new HostRun(++this.#lastId, members, {
      model: this.#context.folders.find(members[0]!.request.model)!,
      send: (message) => this.#process?.send(message),
      onDeserted: () => this.#awaitEnd(run),
      onOver: () => this.#afterRun(run),
    });
    if (this.#disposed) run.fail(disposed());
    else this.#waiting.push(run);
    this.#pump();
    return run;
  }

  async dispose(): Promise<void> {
    this.#disposed = true;
    for (const run of [this.#current, ...this.#waiting.splice(0)]) run?.fail(disposed());
    this.#endCurrent();
    await this.#starting;
    await this.#process?.kill();
  }

  /** Sends the next run to the child, when there are both. */
  #pump(): void {
    while (this.#waiting[0]?.finished) this.#waiting.shift();
    if (this.#disposed || this.#current || this.#waiting.length === 0) return;
    if (!this.#process) return this.#restart();
    this.#current = this.#waiting.shift()!;
    this.#process.watchdog.step();
    this.#current.begin();
  }

  /** A child that does not start fails the oldest run, so that every try has an end and an answer. */
  #restart(before: Promise<void> = Promise.resolve()): void {
    if (this.#process) return;
    this.#starting ??= before
      .then(() => (this.#disposed ? undefined : this.start()))
      .catch((error: Error & { code?: string }) => {
        if (error.message !== this.#failure) this.#context.report(error.message);
        this.#failure = error.message;
        this.#waiting.shift()?.fail({ code: error.code ?? 'model-process-failed', message: error.message });
      })
      .then(() => {
        this.#starting = null;
        this.#pump();
      });
  }

  #take(message: FromChild): void {
    if (message.type === 'loaded') this.#loaded = message.models;
    if (!('run' in message) || this.#current?.id !== message.run) return;
    this.#process?.watchdog.step();
    if (message.type === 'events') this.#current.tell(message.events, message.room);
    else this.#current.stopped();
  }

  #afterRun(run: HostRun): void {
    if (this.#current !== run) return;
    this.#endCurrent();
    this.#pump();
  }

  /** A part that goes on after everybody has left holds up every other generation. */
  #awaitEnd(run: HostRun): void {
    if (this.#current !== run) return;
    const { cancelGrace } = this.#context;
    this.#grace ??= setTimeout(() => this.#endProcess(ignoresCancel(run.model.outline, cancelGrace)), cancelGrace);
  }

  #endHanging(why: Hang): void {
    this.#endProcess(hangs(why, this.#context.limits, this.#runningOutline()));
  }

  /** Ends the process and starts another. */
  #endProcess(error: TesseraError): void {
    this.#context.report(error.message);
    const ended = this.#process;
    this.#process = null;
    this.#current?.fail(error);
    this.#endCurrent();
    this.#restart(ended?.kill());
  }

  #runningOutline(): ModelOutline | null {
    return this.#current && this.#current.model.outline;
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
    this.#current?.fail(error);
    this.#endCurrent();
    this.#restart();
  }
}

/** The events of a run's only member; where the models' process did not come to its end, that is its last. */
async function* eventsOf(run: BatchRun): AsyncGenerator<HostEvent> {
  for await (const { event } of run.events) yield event;
  const { failure } = await run.ended;
  if (failure) yield { type: 'failed', ...failure };
}

async function* one<T>(value: T): AsyncGenerator<T> {
  yield value;
}

function failed({ code, message }: TesseraError): HostEvent {
  return { type: 'failed', code, message };
}
