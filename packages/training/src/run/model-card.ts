import { existsSync } from 'node:fs';
import { copyFile, mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { JudgeNetwork } from '@tessera/features';
import { readManifest, type ModelManifest } from '@tessera/models';
import { duration } from '@tessera/progress';
import type { Recipe } from '../recipe/recipe.ts';
import { reconstructionName } from '../report/pictures.ts';
import type { LogLine } from '../report/training-log.ts';
import type { TrainedModel } from './generator-run.ts';
import type { TrainingRun } from './training-run.ts';

/** Writes the card of a trained model: a README with pictures and curves, and the metrics in `model.json`. */
export async function writeCard(
  { recipe, log, data, out }: Pick<TrainingRun, 'recipe' | 'log' | 'data' | 'out'>,
  { trained, judge }: { readonly judge: JudgeNetwork; readonly trained: TrainedModel },
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
    manifest,
    example: data.test.inputs?.[0]?.[0],
    bytes: await weightBytes(trained.folder),
    seconds: secondsOf(await log.read()),
  };
  await writeFile(join(trained.folder, 'README.md'), cardText(facts));
}

interface CardFacts {
  readonly recipe: Recipe;
  readonly metrics: Readonly<Record<string, number>>;
  readonly judge: string;
  readonly manifest: ModelManifest;
  /** What a request of a model without classes may say. */
  readonly example: unknown;
  readonly bytes: number;
  readonly seconds: { readonly tokenizer: number; readonly generator: number };
}

function cardText({ recipe, metrics, judge, manifest, example, bytes, seconds }: CardFacts): string {
  const { name, title, description, licence, start, tokenizer, generator, model } = recipe;
  const of = (key: string): number => metrics[key] ?? Number.NaN;
  const percent = (key: string): string => `${(100 * of(key)).toFixed(1)}%`;
  const { guidance, options } = model!.defaults;
  const { classes, data } = manifest;
  const each = classes.length > 0 ? 'class' : 'input';
  return `# ${title}

${description}

![Samples, one ${each} per column](images/samples.png)

| | |
|---|---|
| Parameters | ${of('parameters').toLocaleString('en')} (${(bytes / 1e6).toFixed(1)} MB as float16) |
| Data | ${data} |
| Licence of the weights | ${licence} |
| Recipe | \`${name}\`, seed ${recipe.seed} |
| Training | ${firstStageText(tokenizer, seconds.tokenizer)}, generator ${generator!.steps} steps${start === null ? '' : ` from that of \`${start}\``} in ${duration(seconds.generator)}, on a machine of ${availableParallelism()} cores |
| Defaults | guidance ${guidance.kind} ${guidance.scale}, options ${JSON.stringify(options)} |

## Metrics

Samples: ${of('samples')}, ${classes.length > 0 ? 'equally many of each class' : 'with the inputs of test images'}, at the default settings. Judge: ${judge}. It recognises ${percent('judgeAccuracy')} of the real test images. FD-CNN is a Frechet distance on the judge's features to ${of('fdCnnReference').toLocaleString('en')} training images. It is not FID and must not be compared with FID. The floor is the distance of equally many real test images to the same reference.

| | |
|---|---|
| Samples recognised as their class | ${percent('recognised')} |
| FD-CNN of samples | ${of('fdCnn').toFixed(3)} (floor ${of('fdCnnFloor').toFixed(3)}) |
| Reconstructions of test images: PSNR, SSIM | ${of('reconstructionPsnr').toFixed(1)} dB, ${of('reconstructionSsim').toFixed(3)} |
| The same: recognised, FD-CNN | ${percent('reconstructionRecognised')}, ${of('reconstructionFdCnn').toFixed(3)} |
${usageText(metrics)}
![Samples above their nearest training images](images/neighbours.png)

Samples (odd rows) and the training images nearest to them (even rows). Mean squared distance per pixel: ${of('neighbourDistance').toFixed(4)}; of real test images: ${of('neighbourDistanceOfTestImages').toFixed(4)}.

${toldText(metrics)}${attributesText(metrics)}![Test images above their reconstructions](images/reconstructions.png)

## Curves

${!tokenizer || tokenizer.kind === 'model' ? '' : '![Tokenizer](images/tokenizer.svg)\n'}![Generator](images/generator.svg)

## Commands

\`\`\`sh
npx tessera generate --model ${name} ${classes.length > 0 ? `--label ${Math.min(3, classes.length - 1)}` : `--condition ${quoted(example)}`} --count 16 --seed 7 --out ${name}-samples
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

/** The words for the command line: a text, or JSON. */
function quoted(input: unknown): string {
  const values = typeof input === 'object' && input !== null ? Object.values(input) : [];
  const text = values.length === 1 && typeof values[0] === 'string' ? values[0] : JSON.stringify(input);
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** Whether images show what their inputs say, for data whose inputs say attributes. */
function toldText(metrics: CardFacts['metrics']): string {
  if (metrics['told'] === undefined) return '';
  const percent = (key: string): string => `${(100 * (metrics[key] ?? Number.NaN)).toFixed(1)}%`;
  const each = Object.keys(metrics).filter((key) => key.startsWith('toldOf.'));
  const unseen =
    metrics['toldUnseen'] === undefined
      ? ''
      : `| The same of combinations that no training image has (${percent('unseenInputs')} of the inputs) | ${percent('toldUnseen')} |\n`;
  return `## What inputs say

| | |
|---|---|
| Of what the inputs say, images show | ${percent('told')} |
${unseen}| The same of test images themselves: the rest is the judge's error | ${percent('toldOfTestImages')} |
| The same of inputs of other images of the class: chance | ${percent('toldByChance')} |
| Of what the inputs could say and do not, images show | ${percent('added')} |

By attribute: ${each.map((key) => `${key.slice('toldOf.'.length)} ${percent(key)}`).join(', ')}.

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
