import process from 'node:process';
import { createEngine } from '@tessera/targets';
import { causeStack, describeRejection } from '@tessera/errors';
import { loadPlugins } from '@tessera/models';
import { errorParts } from './error-parts.ts';
import { describeModel } from './describe-model.ts';
import { startHeart } from './heart.ts';
import { runGeneration } from './run-generation.ts';
import { modelShelf, type ModelShelf } from './model-shelf.ts';
import type { ChildSetup, FromChild, OpenedModel, ToChild } from './protocol.ts';

/*
 * The process that runs models. Sampling blocks its thread for the length of a kernel, so nothing else lives here.
 * The server sends one generation at a time; a cancel arrives between two steps.
 */

const running = new Map<number, AbortController>();
let shelf: ModelShelf | null = null;
let batchBytes = 0;

function send(message: FromChild): void {
  // Without a server there is nobody to tell: `disconnect` below ends this process.
  if (process.connected) process.send?.(message);
}

/** An error for the server; where it began is said here, to whom asked for it. */
function failure(error: unknown): ReturnType<typeof errorParts> {
  const stack = causeStack(error);
  if (stack !== null) console.error(stack);
  return errorParts(error);
}

async function setUp({ folders, config, target, threads, ...setup }: ChildSetup): Promise<void> {
  batchBytes = setup.batchBytes;
  const engine = createEngine({ ...(target && { target }), ...(threads && { threads }) });
  // Its problems are said by the server, which reads the same file.
  const { plugins } = await loadPlugins(config);
  shelf = modelShelf({ engine, plugins, watchLeaks: true });
  const models: OpenedModel[] = [];
  for (const folder of folders) {
    try {
      models.push({ folder, description: describeModel(await shelf.open(folder)) });
    } catch (error) {
      models.push({ folder, ...failure(error) });
    }
    send({ type: 'opened' });
  }
  send({ type: 'ready', target: engine.target, why: engine.why, models });
}

async function generate(message: Extract<ToChild, { type: 'generate' }>): Promise<void> {
  const { id, folder, request } = message;
  const controller = new AbortController();
  running.set(id, controller);
  try {
    const model = await shelf!.open(folder);
    controller.signal.throwIfAborted();
    const around = { batchBytes, signal: controller.signal };
    for await (const event of runGeneration(model, request, around)) send({ type: 'event', id, event });
  } catch (error) {
    const canceled = controller.signal.aborted;
    send({ type: 'event', id, event: canceled ? { type: 'canceled' } : { type: 'failed', ...failure(error) } });
  } finally {
    running.delete(id);
  }
}

startHeart();

process.on('message', (message: ToChild) => {
  if (message.type === 'setup') setUp(message.setup).catch((error) => send({ type: 'refused', ...failure(error) }));
  else if (message.type === 'generate') void generate(message);
  else running.get(message.id)?.abort();
});

// A promise that a plug-in left alone: it must not end the generations of others.
process.on('unhandledRejection', (error) => console.error(describeRejection(error)));
// Ctrl-C reaches the whole process group: the server decides, and its end ends this process.
process.on('SIGINT', () => undefined);
process.on('disconnect', () => process.exit(0));
