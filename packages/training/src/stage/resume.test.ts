import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import type { Engine } from '@tessera/engine';
import { freshWeights } from '@tessera/models';
import { type Progress, silentProgress } from '@tessera/progress';
import { createEngine } from '@tessera/targets';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { generatorStage } from '../generator/generator-stage.ts';
import { recipeSchema } from '../recipe/recipe.ts';
import { jsonLog, type LogLine } from '../report/training-log.ts';
import { buildTrained, partsOf } from '../run/recipe-parts.ts';
import { microMasked, microRecipe } from '../testing/micro.fixture.ts';
import { stripes } from '../testing/stripes.ts';
import type { EncodedSplit } from '../tokenizers/encoded-split.ts';
import { type TokenizerRecipe, tokenizerStage } from '../tokenizers/tokenizer-stage.ts';
import { loadCheckpoint, type State } from './checkpoint.ts';
import { checkpointPath, runStage, type Stage } from './stage.ts';

const silent = (): Progress => silentProgress;
let engine: Engine;
let folder: string;
beforeAll(async () => {
  engine = createEngine({ threads: 1 });
  folder = await mkdtemp(join(tmpdir(), 'tessera-resume-'));
});
afterAll(async () => {
  engine.dispose();
  await rm(folder, { recursive: true });
});

interface Opened extends Stage {
  dispose(): void;
}

function tokenizer(json: unknown): Opened {
  const recipe = recipeSchema.parse(json, 'micro');
  const config = partsOf(recipe).facts.configs.tokenizer;
  return tokenizerStage({
    engine,
    data: stripes(16),
    recipe: recipe.tokenizer as TokenizerRecipe,
    config,
    seed: 3,
    network: null,
  });
}

/** Moments of 16 images whose latents differ. */
const moments: EncodedSplit = {
  count: 16,
  copies: 2,
  label_N: Int32Array.from({ length: 16 }, (_, n) => n % 2),
  name: 'moments',
  shape: [4, 4, 4],
  read: (members, copy) =>
    Float32Array.from({ length: members.length * 64 }, (_, i) => {
      const slot = Math.floor(i / 64);
      return Math.sin(i % 64) * members[slot]! * (copy?.[slot] ? -0.1 : 0.1) - 1;
    }),
};

function masked(): Opened {
  const recipe = recipeSchema.parse(microMasked, 'micro');
  const parts = partsOf(recipe);
  const weights = { tokenizer: freshWeights(3), backbone: freshWeights(3), head: freshWeights(3) };
  const { plugin } = parts.parts.tokenizer;
  const built = plugin.build(parts.facts.configs.tokenizer, { engine, weights: weights.tokenizer });
  const trained = buildTrained(engine, parts, { tokenizer: built, weights });
  const encoded = { train: moments, validation: moments };
  const stage = generatorStage({
    condition: parts.facts.condition,
    engine,
    tokenizer: built,
    ...trained,
    weights,
    encoded,
    recipe: recipe.generator!,
    seed: 3,
  });
  return {
    ...stage,
    dispose() {
      for (const part of [stage, built, trained.backbone, trained.head, ...Object.values(weights)]) part.dispose();
    },
  };
}

interface Attempt {
  readonly name: string;
  /** Interrupts after this step, as Ctrl-C does. */
  readonly interruptAt?: number;
  /** Fails in this step, after its parameters have changed, as a killed process does. */
  readonly crashAt?: number;
}

/** One compiled stage for all attempts, put back to its start: only what a checkpoint holds passes from one to the next. */
async function attempts(stage: Stage) {
  const start: { readonly step: State; readonly memory?: State } = {
    step: await stage.trainStep.state(),
    ...(stage.memory && { memory: stage.memory.save() }),
  };
  return async ({ name, interruptAt, crashAt }: Attempt) => {
    await stage.trainStep.load(start.step);
    if (start.memory) stage.memory!.load(start.memory);
    const abort = new AbortController();
    const watched: Stage = {
      ...stage,
      async after(step, result) {
        await stage.after?.(step, result);
        if (step === interruptAt) abort.abort();
        if (step === crashAt) throw new Error('killed');
      },
    };
    const log = jsonLog(join(folder, name, 'log.jsonl'));
    const cadence = { log: 1, validate: 4, picture: 0, checkpoint: 3 };
    const run = { folder: join(folder, name), provenance: { recipe: 'micro' }, cadence, log, progress: silent };
    const result = await runStage(watched, { ...run, signal: abort.signal });
    return {
      ...result,
      lines: (await log.read()).map((line): LogLine => ({ ...line, seconds: 0, waiting: 0, compiling: 0 })),
    };
  };
}

describe('a training that was stopped', () => {
  it.each([
    ['a tokenizer of codes', () => tokenizer(microRecipe)],
    ['a tokenizer of distributions', () => tokenizer(microMasked)],
    ['a generator by masked prediction', masked],
  ])('goes on with the losses of one that was not: %s', async (what, open) => {
    const opened = open();
    const attempt = await attempts(opened);
    const whole = await attempt({ name: `${what}, whole` });
    expect([whole.finished, whole.step, whole.lines.length]).toEqual([true, 8, 8]);
    expect(new Set(whole.lines.map(({ loss }) => loss)).size).toBe(8);

    const first = await attempt({ name: `${what}, interrupted`, interruptAt: 3 });
    expect([first.finished, first.step]).toEqual([false, 4]);
    const rest = await attempt({ name: `${what}, interrupted` });
    expect(rest.lines).toEqual(whole.lines);

    await expect(attempt({ name: `${what}, killed`, crashAt: 6 })).rejects.toThrow('killed');
    const again = await attempt({ name: `${what}, killed` });
    expect(again.lines).toEqual(whole.lines);
    const before = tf.memory().numTensors;
    expect((await attempt({ name: `${what}, killed` })).step).toBe(8);
    expect(tf.memory().numTensors).toBe(before);
    opened.dispose();
  });

  it('starts dead codes again', async () => {
    const lines = await jsonLog(join(folder, 'a tokenizer of codes, whole', 'log.jsonl')).read();
    expect(lines[5]!['revived']).toBeGreaterThan(0);
    expect(lines[7]!['loss']).toBeLessThan(lines[0]!['loss'] as number);
  });

  it('by a picture that cannot be drawn keeps every step before it', async () => {
    const stage = tokenizer(microRecipe);
    const picture = () => Promise.reject(new Error('no picture'));
    const { signal } = new AbortController();
    const log = jsonLog(join(folder, 'no-picture', 'log.jsonl'));
    const cadence = { log: 1, validate: 0, picture: 2, checkpoint: 0 };
    const run = {
      folder: join(folder, 'no-picture'),
      provenance: { recipe: 'micro' },
      cadence,
      log,
      progress: silent,
      signal,
    };
    await expect(runStage({ ...stage, picture }, run)).rejects.toThrow('no picture');
    const held = await loadCheckpoint(checkpointPath(run.folder, stage.name), run.provenance);
    expect([held!.step, (await log.read()).length]).toEqual([2, 2]);
    stage.dispose();
  });

  it('refuses the checkpoint of another recipe', async () => {
    const stage = tokenizer(microRecipe);
    const { signal } = new AbortController();
    const log = jsonLog(join(folder, 'other.jsonl'));
    const cadence = { log: 0, validate: 0, picture: 0, checkpoint: 0 };
    const run = { folder: join(folder, 'a tokenizer of codes, whole'), provenance: { recipe: 'another' } };
    await expect(runStage(stage, { ...run, cadence, log, progress: silent, signal })).rejects.toMatchObject({
      code: 'recipe-changed',
    });
    stage.dispose();
  });
});
