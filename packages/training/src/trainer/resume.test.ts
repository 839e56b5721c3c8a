import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createEngine, type Engine } from '@tessera/engine';
import { vqTokenizer } from '@tessera/tokenizer-vq';
import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { jsonLog, type LogLine } from '../report/json-log.ts';
import { recipeSchema } from '../recipe/recipe-schema.ts';
import type { State } from './checkpoint.ts';
import { microRecipe, stripes } from './micro.fixture.ts';
import { runStage } from './run-stage.ts';
import type { Stage } from './stage.ts';
import { vqStage, type VqStage } from './vq-stage.ts';

const recipe = recipeSchema.parse(microRecipe, 'micro');
/** One compiled stage for all attempts, put back to its start: only what a checkpoint holds passes from one to the next. */
let stage: VqStage;
let start: { readonly step: State; readonly memory: State };
const silent = () => ({ update: () => undefined, end: () => undefined });
let engine: Engine;
let folder: string;
beforeAll(async () => {
  engine = createEngine({ threads: 1 });
  folder = await mkdtemp(join(tmpdir(), 'tessera-resume-'));
  stage = open();
  start = { step: await stage.trainStep.state(), memory: stage.memory!.save() };
});
afterAll(async () => {
  stage.dispose();
  engine.dispose();
  await rm(folder, { recursive: true });
});

const open = () =>
  vqStage({
    engine,
    data: stripes(16),
    recipe: recipe.vq!,
    config: vqTokenizer.config.parse(recipe.model!.tokenizer.config, 'micro'),
    seed: 3,
    network: null,
  });

interface Attempt {
  readonly name: string;
  /** Interrupts after this step, as Ctrl-C does. */
  readonly interruptAt?: number;
  /** Fails in this step, after its parameters have changed, as a killed process does. */
  readonly crashAt?: number;
}

async function attempt({ name, interruptAt, crashAt }: Attempt) {
  await stage.trainStep.load(start.step);
  stage.memory!.load(start.memory);
  const abort = new AbortController();
  const watched: Stage = {
    ...stage,
    async after(step, result) {
      await stage.after!(step, result);
      if (step === interruptAt) abort.abort();
      if (step === crashAt) throw new Error('killed');
    },
  };
  const log = jsonLog(join(folder, name, 'log.jsonl'));
  const cadence = { log: 1, validate: 4, picture: 0, checkpoint: 3 };
  const run = {
    folder: join(folder, name),
    fingerprint: 'micro',
    cadence,
    log,
    progress: silent,
    signal: abort.signal,
  };
  const result = await runStage(watched, run);
  return { ...result, lines: (await log.read()).map((line): LogLine => ({ ...line, seconds: 0 })) };
}

describe('a training that was stopped', () => {
  it('goes on with the losses of one that was not', async () => {
    const whole = await attempt({ name: 'whole' });
    expect([whole.finished, whole.step, whole.lines.length]).toEqual([true, 8, 8]);
    expect(whole.lines[7]!['loss']).toBeLessThan(whole.lines[0]!['loss'] as number);
    expect(whole.lines[5]!['revived']).toBeGreaterThan(0);

    const first = await attempt({ name: 'interrupted', interruptAt: 3 });
    expect([first.finished, first.step]).toEqual([false, 4]);
    const rest = await attempt({ name: 'interrupted' });
    expect(rest.lines).toEqual(whole.lines);

    await expect(attempt({ name: 'killed', crashAt: 6 })).rejects.toThrow('killed');
    const again = await attempt({ name: 'killed' });
    expect(again.lines).toEqual(whole.lines);
    const before = tf.memory().numTensors;
    expect((await attempt({ name: 'killed' })).step).toBe(8);
    expect(tf.memory().numTensors).toBe(before);
  });

  it('refuses the checkpoint of another recipe', async () => {
    const { signal } = new AbortController();
    const log = jsonLog(join(folder, 'other.jsonl'));
    const cadence = { log: 0, validate: 0, picture: 0, checkpoint: 0 };
    const run = { folder: join(folder, 'whole'), fingerprint: 'another', cadence, log, progress: silent, signal };
    await expect(runStage(stage, run)).rejects.toMatchObject({ code: 'recipe-changed' });
  });
});
