import { existsSync } from 'node:fs';
import { copyFile, mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { JudgeNetwork } from '@tessera/features';
import { type Model, openModel, readManifest } from '@tessera/models';
import { duration } from '@tessera/progress';
import { attributeReport } from '../evaluation/attribute-report.ts';
import { evaluateReconstruction, evaluateSamples, judgeAccuracy } from '../evaluation/evaluate.ts';
import { askedOf } from '../evaluation/asked.ts';
import { drawSampleGrid, generateSamples, joinPixels, openTokenizer } from '../evaluation/make-images.ts';
import { nearestNeighbours } from '../evaluation/nearest-neighbours.ts';
import type { Recipe } from '../recipe/recipe.ts';
import { reconstructionName, splitImages, writePairs } from '../report/pictures.ts';
import type { LogLine } from '../report/training-log.ts';
import type { CodebookUsage } from '../tokenizers/codebook.ts';
import type { TrainedModel } from './generator-run.ts';
import { reconstructionMetrics } from './tokenizer-alone.ts';
import type { TrainingRun } from './training-run.ts';

const SEED = 1;

/** What is evaluated, and by which judge. */
interface Evaluated {
  readonly judge: JudgeNetwork;
  readonly trained: TrainedModel;
}

type EvaluatedRun = Pick<TrainingRun, 'recipe' | 'engine' | 'plugins' | 'data' | 'out' | 'log' | 'progress'>;

/** Measures a trained model folder and writes its card. Returns the figures by name. */
export async function evaluateRun(run: EvaluatedRun, evaluated: Evaluated): Promise<Record<string, number>> {
  const metrics = await measure(run, evaluated);
  await writeCard(run, evaluated, metrics);
  return metrics;
}

async function measure(run: EvaluatedRun, { judge, trained }: Evaluated): Promise<Record<string, number>> {
  const { engine, plugins, data, recipe, out } = run;
  const progress = run.progress('evaluation')(recipe.evaluation.samples);
  const model = await openModel(trained.folder, { engine, plugins });
  const tokenizer = await openTokenizer(trained.folder, { engine, plugins });
  try {
    const { samples, neighbours } = recipe.evaluation;
    progress.begin(`${samples} samples`);
    const { figures: made, images } = await evaluateSamples({
      engine,
      model,
      judge,
      data,
      samples,
      seed: SEED,
      progress,
    });
    const request = { engine, tokenizer, judge, data };
    progress.begin('test images through the tokenizer');
    const back = await evaluateReconstruction(request, { images: samples, seed: SEED });
    const attributes = await attributeFigures(run, judge, joinPixels(images.slice(0, MOST_ATTRIBUTED)));
    progress.begin('samples beside their nearest training images');
    await drawSampleGrid(model, data, join(out, 'pictures', 'samples.png'));
    const near = await drawNeighbours({ data, out }, model, neighbours);
    return {
      parameters: model.parameters,
      judgeAccuracy: await judgeAccuracy({ engine, judge, data }, data.test),
      ...renamed(made, (name) => (name === 'reference' ? 'fdCnnReference' : name)),
      ...reconstructionMetrics(back),
      neighbourDistance: near.samples,
      neighbourDistanceOfTestImages: near.test,
      ...attributes,
      ...(trained.usage && usageFigures(trained.usage)),
    };
  } finally {
    progress.end();
    tokenizer.dispose();
    model.dispose();
  }
}

/** Comparing with all training images takes half a second each. */
const MOST_ATTRIBUTED = 200;

/** What the attributes of samples tell, for data and a judge that know them; else nothing. */
async function attributeFigures(
  { engine, data }: EvaluatedRun,
  judge: JudgeNetwork,
  samples: Float32Array,
): Promise<Record<string, number>> {
  if (!data.attributes || !judge.config.attributes) return {};
  const program = judge.openAttributes(engine, data.image);
  try {
    const { unseen, spread, nearest, nearer } = await attributeReport({ samples, judge: program, data });
    return {
      unseenCombinations: unseen.samples,
      unseenCombinationsOfTestImages: unseen.test,
      unseenCombinationsOfTrainingImages: unseen.train,
      attributeSpread: spread,
      nearestDistance: nearest.samples,
      nearestDistanceOfTestImages: nearest.test,
      nearerThanTestImages: nearer,
    };
  } finally {
    program.dispose();
  }
}

/** All figures of a record under other names. */
function renamed(figures: object, to: (name: string) => string): Record<string, number> {
  return Object.fromEntries(Object.entries(figures).map(([name, value]) => [to(name), value as number]));
}

function usageFigures({ union, scales }: CodebookUsage): Record<string, number> {
  const each = scales.map((usage, scale) => [`codebookUsage.${scale}`, usage]);
  return { codebookUsage: union, ...Object.fromEntries(each) };
}

const COLUMNS = 8;

/**
 * Draws samples above their nearest training images. Returns their mean squared pixel distance, and that of as many test
 * images. A generator that has memorised training images has a much smaller distance than the test images.
 */
async function drawNeighbours(
  { data, out }: Pick<TrainingRun, 'data' | 'out'>,
  model: Model,
  count: number,
): Promise<{ readonly samples: number; readonly test: number }> {
  const { conditions } = askedOf(model.condition, data, count);
  const images = await generateSamples(model, { conditions, seed: SEED, batch: count });
  const { index_N, distance_N } = await nearestNeighbours(
    images.map((image) => image.data),
    data.train,
  );
  const near = splitImages(await data.train.read(index_N), data.image);
  await writePairs(join(out, 'pictures', 'neighbours.png'), [images, near], COLUMNS);
  const members = Int32Array.from({ length: Math.min(count, data.test.count) }, (_, i) => i);
  const real = splitImages(await data.test.read(members), data.image).map((image) => image.data);
  const ofTest = await nearestNeighbours(real, data.train);
  return { samples: mean(distance_N), test: mean(ofTest.distance_N) };
}

function mean(values: Float32Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Writes the card of a trained model: a README with pictures and curves, and the metrics in `model.json`. */
async function writeCard(
  { recipe, log, out }: EvaluatedRun,
  { trained, judge }: Evaluated,
  metrics: Readonly<Record<string, number>>,
): Promise<void> {
  const images = join(trained.folder, 'images');
  await mkdir(images, { recursive: true });
  for (const [from, to] of pictures(recipe, out)) await copyFile(from, join(images, to));
  const manifest = { ...(await readManifest(trained.folder)), metrics };
  await writeFile(join(trained.folder, 'model.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  const facts = {
    recipe,
    metrics,
    judge: `${judge.name}, sha256 \`${judge.sha256.slice(0, 12)}\``,
    data: manifest.data,
    classes: manifest.classes.length,
    bytes: await weightBytes(trained.folder),
    seconds: secondsOf(await log.read()),
  };
  await writeFile(join(trained.folder, 'README.md'), cardText(facts));
}

interface CardFacts {
  readonly recipe: Recipe;
  readonly metrics: Readonly<Record<string, number>>;
  readonly judge: string;
  readonly data: string;
  readonly classes: number;
  readonly bytes: number;
  readonly seconds: { readonly tokenizer: number; readonly generator: number };
}

function cardText({ recipe, metrics, judge, data, classes, bytes, seconds }: CardFacts): string {
  const { name, title, description, licence, start, tokenizer, generator, model } = recipe;
  const of = (key: string): number => metrics[key] ?? Number.NaN;
  const percent = (key: string): string => `${(100 * of(key)).toFixed(1)}%`;
  const { guidance, options } = model!.defaults;
  return `# ${title}

${description}

![Samples, one class per column](images/samples.png)

| | |
|---|---|
| Parameters | ${of('parameters').toLocaleString('en')} (${(bytes / 1e6).toFixed(1)} MB as float16) |
| Data | ${data} |
| Licence of the weights | ${licence} |
| Recipe | \`${name}\`, seed ${recipe.seed} |
| Training | ${firstStageText(tokenizer, seconds.tokenizer)}, generator ${generator!.steps} steps${start === null ? '' : ` from that of \`${start}\``} in ${duration(seconds.generator)}, on a machine of ${availableParallelism()} cores |
| Defaults | guidance ${guidance.kind} ${guidance.scale}, options ${JSON.stringify(options)} |

## Metrics

Samples: ${of('samples')}, equally many of each class, at the default settings. Judge: ${judge}. It recognises ${percent('judgeAccuracy')} of the real test images. FD-CNN is a Frechet distance on the judge's features to ${of('fdCnnReference').toLocaleString('en')} training images. It is not FID and must not be compared with FID. The floor is the distance of equally many real test images to the same reference.

| | |
|---|---|
| Samples recognised as their class | ${percent('recognised')} |
| FD-CNN of samples | ${of('fdCnn').toFixed(3)} (floor ${of('fdCnnFloor').toFixed(3)}) |
| Reconstructions of test images: PSNR, SSIM | ${of('reconstructionPsnr').toFixed(1)} dB, ${of('reconstructionSsim').toFixed(3)} |
| The same: recognised, FD-CNN | ${percent('reconstructionRecognised')}, ${of('reconstructionFdCnn').toFixed(3)} |
${usageText(metrics)}
![Samples above their nearest training images](images/neighbours.png)

Samples (odd rows) and the training images nearest to them (even rows). Mean squared distance per pixel: ${of('neighbourDistance').toFixed(4)}; of real test images: ${of('neighbourDistanceOfTestImages').toFixed(4)}.

${attributesText(metrics)}![Test images above their reconstructions](images/reconstructions.png)

## Curves

${!tokenizer || tokenizer.kind === 'model' ? '' : '![Tokenizer](images/tokenizer.svg)\n'}![Generator](images/generator.svg)

## Commands

\`\`\`sh
npx tessera generate --model ${name} --label ${Math.min(3, classes - 1)} --count 16 --seed 7 --out ${name}-samples
npx tessera eval ${name}
npx tessera train RECIPE.json --out runs/${name}
\`\`\`
`;
}

function firstStageText(tokenizer: Recipe['tokenizer'], seconds: number): string {
  if (!tokenizer) return 'tokenizer without parameters';
  if (tokenizer.kind === 'model') return `tokenizer of the model \`${tokenizer.model}\``;
  return `tokenizer ${tokenizer.steps} steps in ${duration(seconds)}`;
}

/** Table rows about the codebook, for a model that has one. */
function usageText(metrics: CardFacts['metrics']): string {
  if (metrics['codebookUsage'] === undefined) return '';
  const scales = Object.entries(metrics).filter(([key]) => key.startsWith('codebookUsage.'));
  return `| Codebook in use over all scales | ${metrics['codebookUsage'].toFixed(0)}% |
| The same by scale, coarse to fine | ${scales.map(([, usage]) => `${usage.toFixed(0)}%`).join(', ')} |

A scale with few tokens cannot use all codes.
`;
}

/** Whether it has memorised its training images, for data whose attributes are known. */
function attributesText(metrics: CardFacts['metrics']): string {
  if (metrics['unseenCombinations'] === undefined) return '';
  const percent = (key: string): string => `${(100 * (metrics[key] ?? Number.NaN)).toFixed(1)}%`;
  return `Memorisation, by the attributes that the judge tells: no training image has the combination of ${percent('unseenCombinations')} of the samples, and of ${percent('unseenCombinationsOfTestImages')} of the test images; of training images themselves ${percent('unseenCombinationsOfTrainingImages')} seem to, which are errors of the judge. ${percent('nearerThanTestImages')} of the samples are nearer to a training image than 95% of the test images are: a model that copies nothing has about 5%. The values of an attribute differ by ${(metrics['attributeSpread'] ?? Number.NaN).toFixed(2)} from those of the data (total variation, 0 is equal).

`;
}

function pictures({ tokenizer }: Recipe, out: string): [from: string, to: string][] {
  const steps = !tokenizer || tokenizer.kind === 'model' ? 0 : tokenizer.steps;
  const found = [
    ['pictures/samples.png', 'samples.png'],
    [`pictures/${reconstructionName(steps)}`, 'reconstructions.png'],
    ['pictures/neighbours.png', 'neighbours.png'],
    ['curves/tokenizer.svg', 'tokenizer.svg'],
    ['curves/generator.svg', 'generator.svg'],
  ] as const;
  return found.map(([from, to]) => [join(out, from), to] as [string, string]).filter(([from]) => existsSync(from));
}

async function weightBytes(folder: string): Promise<number> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.safetensors'));
  const sizes = await Promise.all(names.map(async (name) => (await stat(join(folder, name))).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** Time spent in steps, from the last line of each stage. */
function secondsOf(lines: readonly LogLine[]): CardFacts['seconds'] {
  const last = (stage: string) => Number(lines.findLast((line) => line.stage === stage)?.['seconds'] ?? 0);
  return { tokenizer: last('tokenizer'), generator: last('generator') };
}
