import { writeSync } from 'node:fs';
import process from 'node:process';
import { Worker } from 'node:worker_threads';
import { createEngine } from '@tessera/targets';
import { describeRejection } from '@tessera/errors';
import { loadPlugins } from '@tessera/models';
import { OpenModels } from './open-models.ts';
import { heartbeatFile, type ChildSetup, type FromChild, type ToChild } from './protocol.ts';
import { failureParts } from './protocol.ts';
import { Run } from './run.ts';

/*
 * The process that runs models. Sampling blocks its thread for the length of a kernel, so nothing else lives here.
 * Messages arrive between two kernels and take effect between two steps.
 */

let models: OpenModels | null = null;
let batchBytes = 0;
/** Those that have not ended: the first one goes on, the others wait for it. */
const runs: Run[] = [];

startHeartbeat();
process.on('message', (message: ToChild) => {
  if (message.type === 'setup')
    setUp(message.setup).catch((error) => send({ type: 'refused', ...failureParts(error) }));
  else if (message.type === 'run') take(message);
  else if (message.type === 'leave') runs.forEach((run) => run.leave(message.key));
  else runs.find(({ id }) => id === message.run)?.stop();
});
// A promise that a plug-in did not await: it must not end the generations of others.
process.on('unhandledRejection', (error) => console.error(describeRejection(error)));
// Ctrl-C reaches the whole process group: the server decides, and its end ends this process.
process.on('SIGINT', () => undefined);
process.on('disconnect', () => process.exit(0));

async function setUp({ config, target, precision, threads, ...setup }: ChildSetup): Promise<void> {
  batchBytes = setup.batchBytes;
  const engine = createEngine({
    ...(target && { target }),
    ...(precision && { precision }),
    ...(threads && { threads }),
  });
  // The server reads the same file and reports its problems.
  const { plugins } = await loadPlugins(config);
  models = new OpenModels({ engine, plugins, watchLeaks: true, modelBytes: setup.modelBytes });
  // Before the answer: from then on the server counts the time without a beat, also where this process is stopped at once.
  beat();
  send({ type: 'ready', target: engine.target, why: engine.why });
}

/** Jobs for a run that goes on, or the first ones of another. */
function take({ run: id, folder, parameters, jobs }: Extract<ToChild, { type: 'run' }>): void {
  const known = runs.find((run) => run.id === id);
  if (known) return known.add(jobs);
  const run = new Run(id, { folder, parameters, models: models!, batchBytes, send });
  run.add(jobs);
  if (runs.push(run) === 1) void workOff();
}

async function workOff(): Promise<void> {
  for (let [run] = runs; run; [run] = runs) {
    await run.go();
    runs.shift();
  }
}

function send(message: FromChild): void {
  // Without a server there is no one to tell: `disconnect` ends this process.
  if (process.connected) process.send?.(message);
}

/** A sign of life. Where the server does not hear it, the time that a step may take still tells a process that hangs. */
function beat(): void {
  try {
    writeSync(heartbeatFile, `${process.memoryUsage.rss()}\n`);
  } catch {
    // The server has ended.
  }
}

/** A beat a second, from a thread of its own: whatever the models' thread does, only a stopped process falls silent. */
function startHeartbeat(): void {
  const beating = `
    const { writeSync } = require('node:fs');
    setInterval(() => {
      try { writeSync(${heartbeatFile}, process.memoryUsage.rss() + '\\n'); } catch {}
    }, 1000);`;
  beat();
  new Worker(beating, { eval: true, execArgv: [], stdout: false }).unref();
}
