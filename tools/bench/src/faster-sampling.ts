import { fileURLToPath } from 'node:url';
import type { Pixels } from '@tessera/core';
import { openShippedJudge } from '@tessera/features';
import { type Model, openModel } from '@tessera/models';
import { imagesOfClasses } from '@tessera/request';
import { createEngine } from '@tessera/targets';
import { type JudgedFigures, judgeSamples, openData, readRecipe } from '@tessera/training';
import type { BenchmarkRun } from './arguments.ts';
import { markdownTable } from './format.ts';

interface Setting {
  readonly name: string;
  readonly options: Readonly<Record<string, unknown>>;
}

/** The first is what the others are held against. */
const settings: readonly Setting[] = [
  { name: 'off', options: {} },
  ...[15, 10, 5, 2].map((lateSteps) => ({ name: `lateSteps=${lateSteps}`, options: { lateSteps } })),
  ...[0.25, 0.5, 0.75, 1].map((from) => ({ name: `guidanceFrom=${from}`, options: { guidanceFrom: from } })),
  ...[0.75, 0.5].map((until) => ({ name: `guidanceUntil=${until}`, options: { guidanceUntil: until } })),
  { name: 'lateSteps=5, guidanceFrom=0.5', options: { lateSteps: 5, guidanceFrom: 0.5 } },
  ...[10, 6].flatMap((steps) => [
    { name: `steps=${steps}`, options: { steps } },
    { name: `steps=${steps}, restSteps=2`, options: { steps, restSteps: 2 } },
  ]),
  { name: 'steps=10, restSteps=2, lateSteps=5', options: { steps: 10, restSteps: 2, lateSteps: 5 } },
  // No late steps, but fewer for all tokens.
  { name: 'respacing=ddim10', options: { respacing: 'ddim10' } },
];

const MODEL = fileURLToPath(new URL('../../../models/digits-mar', import.meta.url));
const RECIPE = fileURLToPath(new URL('../../../recipes/digits-mar.json', import.meta.url));
const BATCH = 20;
/** Image i has this seed + i in every setting, as in `tessera eval`. */
const SEED = 1;

/** Time against quality of what a request may ask of masked prediction with a diffusion head. */
export const benchFasterSampling: BenchmarkRun = async ({ samples, threads }, print) => {
  const engine = createEngine({ threads });
  const { recipe, folder } = await readRecipe(RECIPE);
  const data = await openData(recipe.data, { folder, seed: recipe.seed });
  const judge = await openShippedJudge('mnist-32');
  const model = await openModel(MODEL, { engine });
  try {
    const labels = Array.from({ length: samples }, (_, i) => i % data.classes.length);
    const made = await makeInTurn({ model, labels }, (done) => print(`  ${done} images of each setting`));
    const rows: Measured[] = [];
    for (const [i, { images, seconds }] of made.entries()) {
      const figures = await judgeSamples(
        { engine, judge, data, seed: SEED },
        { images, label_N: Int32Array.from(labels) },
      );
      rows.push({ ...settings[i]!, milliseconds: (1000 * seconds) / samples, ...figures });
    }
    print(`digits-mar, ${samples} samples a setting, ${BATCH} at a time, ${threads} threads of ${engine.why}\n`);
    print(tableOf(rows));
    return { settings: rows };
  } finally {
    model.dispose();
    judge.dispose();
    engine.dispose();
  }
};

interface Made {
  readonly images: Pixels[];
  /** Processor time. */
  seconds: number;
}

/** A batch of each setting after the other, so that whatever else the machine does slows down all of them alike. */
async function makeInTurn(
  { model, labels }: { readonly model: Model; readonly labels: readonly number[] },
  report: (done: number) => void,
): Promise<readonly Made[]> {
  const all = settings.map((): Made => ({ images: [], seconds: 0 }));
  const makeBatch = async (start: number, { options }: Setting): Promise<Pixels[]> => {
    const request = {
      images: imagesOfClasses(labels.slice(start, start + BATCH)),
      seed: SEED + start,
      options,
      preview: 'none',
    } as const;
    const images: Pixels[] = [];
    for await (const event of model.generate(request)) if (event.type === 'image') images.push(event.pixels);
    return images;
  };
  for (const setting of settings) await makeBatch(0, setting); // compiles
  for (let start = 0; start < labels.length; start += BATCH) {
    for (const [i, setting] of settings.entries()) {
      const before = process.cpuUsage();
      all[i]!.images.push(...(await makeBatch(start, setting)));
      const { user, system } = process.cpuUsage(before);
      all[i]!.seconds += (user + system) / 1e6;
    }
    report(all[0]!.images.length);
  }
  return all;
}

interface Measured extends Setting, JudgedFigures {
  /** Processor time of an image. */
  readonly milliseconds: number;
}

function tableOf(rows: readonly Measured[]): string {
  const off = rows[0]!;
  const lines = rows.map(({ name, milliseconds, recognised, fdCnn }) => [
    name,
    milliseconds.toFixed(0),
    (milliseconds / off.milliseconds).toFixed(2),
    `${(100 * recognised).toFixed(1)}%`,
    fdCnn.toFixed(2),
  ]);
  const heads = ['option', 'processor time, ms an image', 'of off', 'recognised', 'FD-CNN'];
  const floor = `FD-CNN of as many real test images: ${off.fdCnnFloor.toFixed(2)}`;
  return `${markdownTable([heads, ...lines])}\n\n${floor}`;
}
