import { copyFile, mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { readManifest } from '@tessera/models';
import type { Recipe } from '../recipe/recipe.ts';
import type { LogLine } from '../report/json-log.ts';
import { duration } from '@tessera/progress';
import type { TrainedModel } from './generator-run.ts';
import type { OpenedJudge } from './judge-run.ts';
import { reconstructionName } from './reconstruction-grid.ts';
import type { Room } from './room.ts';

export interface CardRequest {
  readonly trained: TrainedModel;
  readonly judge: OpenedJudge;
  readonly metrics: Readonly<Record<string, number>>;
}

/** Writes the card of a trained model: its README with pictures and curves, and the metrics in `model.json`. */
export async function writeCard(room: Room, { trained, judge, metrics }: CardRequest): Promise<void> {
  const { recipe, log } = room;
  const images = join(trained.folder, 'images');
  await mkdir(images, { recursive: true });
  for (const [from, to] of pictures(room)) await copyFile(from, join(images, to));
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
  const { name, title, description, licence, tokenizer, generator, model } = recipe;
  const of = (key: string): number => metrics[key] ?? Number.NaN;
  const percent = (key: string): string => `${(100 * of(key)).toFixed(1)}%`;
  const { guidance, options } = model!.defaults;
  return `# ${title}

${description}

![Samples, one class a column](images/samples.png)

| | |
|---|---|
| Parameters | ${of('parameters').toLocaleString('en')} (${(bytes / 1e6).toFixed(1)} MB as float16) |
| Data | ${data} |
| Licence of the weights | ${licence} |
| Recipe | \`${name}\`, seed ${recipe.seed} |
| Training | ${firstStageText(tokenizer, seconds.tokenizer)}, generator ${generator!.steps} steps in ${duration(seconds.generator)}, on a machine of ${availableParallelism()} cores |
| Defaults | guidance ${guidance.kind} ${guidance.scale}, options ${JSON.stringify(options)} |

## Metrics

Samples: ${of('samples')} of all classes alike, at the default settings. Judge: ${judge}, which names ${percent('judgeAccuracy')} of the real test images rightly. FD-CNN is a Frechet distance on the judge's features to ${of('fdCnnReference').toLocaleString('en')} training images; it is no FID and must not be compared with one. The floor is the distance of as many real test images to the same reference.

| | |
|---|---|
| Samples recognised as their class | ${percent('recognised')} |
| FD-CNN of samples | ${of('fdCnn').toFixed(3)} (floor ${of('fdCnnFloor').toFixed(3)}) |
| Reconstructions of test images: PSNR, SSIM | ${of('reconstructionPsnr').toFixed(1)} dB, ${of('reconstructionSsim').toFixed(3)} |
| The same: recognised, FD-CNN | ${percent('reconstructionRecognised')}, ${of('reconstructionFdCnn').toFixed(3)} |
${usageText(metrics)}
![Samples above their nearest training images](images/neighbours.png)

Samples (odd rows) and the training images nearest to them (even rows). Mean squared distance a pixel: ${of('neighbourDistance').toFixed(4)}; real test images lie ${of('neighbourDistanceOfTestImages').toFixed(4)} from theirs.

![Test images above their reconstructions](images/reconstructions.png)

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

/** Rows on the codebook, of a model that has one. */
function usageText(metrics: CardFacts['metrics']): string {
  if (metrics['codebookUsage'] === undefined) return '';
  const scales = Object.entries(metrics).filter(([key]) => key.startsWith('codebookUsage.'));
  return `| Codebook in use over all scales | ${metrics['codebookUsage'].toFixed(0)}% |
| The same by scale, coarse to fine | ${scales.map(([, usage]) => `${usage.toFixed(0)}%`).join(', ')} |

A scale of few tokens cannot use all codes.
`;
}

function pictures({ recipe: { tokenizer }, out }: Room): [from: string, to: string][] {
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

/** Time spent in steps, as the last line of each stage has it. */
function secondsOf(lines: readonly LogLine[]): CardFacts['seconds'] {
  const last = (stage: string) => Number(lines.findLast((line) => line.stage === stage)?.['seconds'] ?? 0);
  return { tokenizer: last('tokenizer'), generator: last('generator') };
}
