import process from 'node:process';
import { Worker } from 'node:worker_threads';
import { createEngine } from '@tessera/targets';
import { causeStack, describeRejection } from '@tessera/errors';
import { loadPlugins, openModel, type Model, type OpenModelOptions } from '@tessera/models';
import {
  describeModel,
  errorParts,
  heartbeatFile,
  type ChildSetup,
  type FromChild,
  type OpenedModel,
  type ToChild,
} from './protocol.ts';
import { runGeneration } from './run-generation.ts';

/*
 * The process that runs models. Sampling blocks its thread for the length of a kernel, so nothing else lives here.
 * The server sends one generation at a time; a cancel arrives between two steps.
 */

const running = new Map<number, AbortController>();
let models: OpenModels | null = null;
let batchBytes = 0;

startHeartbeat();
process.on('message', (message: ToChild) => {
  if (message.type === 'setup') setUp(message.setup).catch((error) => send({ type: 'refused', ...failure(error) }));
  else if (message.type === 'generate') void generate(message);
  else running.get(message.id)?.abort();
});
// A promise that a plug-in did not await: it must not end the generations of others.
process.on('unhandledRejection', (error) => console.error(describeRejection(error)));
// Ctrl-C reaches the whole process group: the server decides, and its end ends this process.
process.on('SIGINT', () => undefined);
process.on('disconnect', () => process.exit(0));

async function setUp({ folders, config, target, threads, ...setup }: ChildSetup): Promise<void> {
  batchBytes = setup.batchBytes;
  const engine = createEngine({ ...(target && { target }), ...(threads && { threads }) });
  // The server reads the same file and reports its problems.
  const { plugins } = await loadPlugins(config);
  models = new OpenModels({ engine, plugins, watchLeaks: true });
  const opened: OpenedModel[] = [];
  for (const folder of folders) {
    try {
      opened.push({ folder, description: describeModel(await models.open(folder)) });
    } catch (error) {
      opened.push({ folder, ...failure(error) });
    }
    send({ type: 'opened' });
  }
  send({ type: 'ready', target: engine.target, why: engine.why, models: opened });
}

async function generate({ id, folder, request, files }: Extract<ToChild, { type: 'generate' }>): Promise<void> {
  const controller = new AbortController();
  running.set(id, controller);
  try {
    const model = await models!.open(folder);
    controller.signal.throwIfAborted();
    const context = { batchBytes, files, signal: controller.signal };
    for await (const event of runGeneration(model, request, context)) send({ type: 'event', id, event });
  } catch (error) {
    const canceled = controller.signal.aborted;
    send({ type: 'event', id, event: canceled ? { type: 'canceled' } : { type: 'failed', ...failure(error) } });
  } finally {
    running.delete(id);
  }
}

function send(message: FromChild): void {
  // Without a server there is no one to tell: `disconnect` ends this process.
  if (process.connected) process.send?.(message);
}

/** An error for the server. Its stack is printed here where TESSERA_DEBUG asks for it. */
function failure(error: unknown): ReturnType<typeof errorParts> {
  const stack = causeStack(error);
  if (stack !== null) console.error(stack);
  return errorParts(error);
}

/** How many models stay open: enough to go back and forth between two, and memory is bounded. */
const KEPT = 2;

/** Opens models when they are first asked for and keeps the last few. Calls must not overlap. */
class OpenModels {
  readonly #open = new Map<string, Model>();
  readonly #options: OpenModelOptions;

  constructor(options: OpenModelOptions) {
    this.#options = options;
  }

  /** The model used longest ago is disposed to make room; an error of that is printed, for this model has no part in it. */
  async open(folder: string): Promise<Model> {
    const model = this.#open.get(folder) ?? (await openModel(folder, this.#options));
    // A map remembers the order of insertion: the newest goes to the end.
    this.#open.delete(folder);
    this.#open.set(folder, model);
    for (const [oldest, old] of this.#open) {
      if (this.#open.size <= KEPT) break;
      this.#open.delete(oldest);
      try {
        old.dispose();
      } catch (error) {
        console.error(errorParts(error).message);
      }
    }
    return model;
  }
}

/** A byte a second, from a thread of its own: whatever the models' thread does, only a stopped process falls silent. */
function startHeartbeat(): void {
  const beating = `
    const { writeSync } = require('node:fs');
    const beat = () => {
      try { writeSync(${heartbeatFile}, '.'); } catch {}
    };
    beat();
    setInterval(beat, 1000);`;
  new Worker(beating, { eval: true, execArgv: [], stdout: false }).unref();
}
