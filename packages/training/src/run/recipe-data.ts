import { TesseraError } from '@tessera/errors';
import type { DownloadProgress } from '@tessera/node-kit';
import type { Progress } from '@tessera/progress';
import { variesBesidesFlips } from '../data/augment.ts';
import { openData } from '../data/data-kinds.ts';
import type { DataSet, ShowProgress } from '../data/data-set.ts';
import { requireJudgeable } from '../evaluation/comparable-data.ts';
import { openNamedJudge } from '../evaluation/judge.ts';
import type { LoadedRecipe, Recipe } from '../recipe/recipe.ts';
import { openPerceptualNetwork, type PerceptualOptions, perceptualSource } from '../tokenizers/perceptual.ts';

interface RecipeDataOptions extends Pick<PerceptualOptions, 'networks'> {
  readonly progress?: ShowProgress | undefined;
}

/**
 * Opens the data of a recipe, and checks it for all stages before any work: every stage must fill a batch, every class must
 * have a training image, and a judge and the network of a perceptual term must fit the data. `progress` shows data
 * that is drawn or fetched, and the weights of that network while they arrive.
 * @throws TesseraError `batch-too-large`, `classes-mismatch`, `class-empty`, `recipe-incomplete`, `recipe-misfit`, and what
 * `openData`, `openNamedJudge` and `requireJudgeable` throw
 */
export async function openRecipeData(
  { recipe, folder }: LoadedRecipe,
  { progress, networks }: RecipeDataOptions,
): Promise<DataSet> {
  const data = await openData(recipe.data, { folder, seed: recipe.seed, ...(progress && { progress }) });
  checkAugmentation(recipe, data);
  checkBatches(recipe, data.train.count);
  checkClasses(recipe.name, data);
  await checkJudge({ recipe, folder }, data);
  const options = { image: data.image, folder, networks, progress: progress && downloadOn(progress) };
  await checkPerceptual(recipe, options);
  return data;
}

/** Shows how much of a download has arrived. */
function downloadOn(progress: ShowProgress): DownloadProgress {
  let shown: Progress | null = null;
  return (fraction, label) => {
    shown ??= progress('download')(100);
    shown.update(100 * fraction, label);
    if (fraction >= 1) shown.end();
  };
}

/** Sentences about the data that the user should know before a training starts. */
export function dataRemarks({ validation }: DataSet): string[] {
  if (validation.count > 0) return [];
  return ['No images are held out for validation: the training goes without validation losses (data.validation).'];
}

/** Every way to vary images must reach a stage: gray images have no colours, and encodings vary only in their copies. */
function checkAugmentation({ name: who, data, judge, tokenizer, generator }: Recipe, { image }: DataSet): void {
  const misfit = (got: string, expected: string, next: string) =>
    new TesseraError({ code: 'recipe-misfit', who, got, expected, next });
  const { saturation, hue, copies } = data;
  if (image.channels === 1 && saturation + hue > 0) {
    const field = hue > 0 ? 'hue' : 'saturation';
    throw misfit(`data.${field} for gray images`, 'brightness and contrast alone', `Remove data.${field}.`);
  }
  const varies = variesBesidesFlips(data);
  if (copies > 0 && !(generator && varies)) {
    const next = generator ? 'Say how they vary (data.shift, data.hue), or remove data.copies.' : 'Remove data.copies.';
    throw misfit(`data.copies = ${copies}`, 'copies that vary, for a generator', next);
  }
  const trains = judge?.kind === 'train' || (tokenizer && tokenizer.kind !== 'model');
  if (!varies || trains || copies > 0) return;
  const expected = 'a tokenizer or a judge to train on varied images, or data.copies';
  throw misfit('images that vary, and no stage that sees them', expected, 'Add data.copies for the generator.');
}

function checkBatches({ name: who, judge, tokenizer, generator }: Recipe, images: number): void {
  for (const [stage, training] of Object.entries({ judge, tokenizer, generator })) {
    if (!training || !('batch' in training) || training.batch <= images) continue;
    throw new TesseraError({
      code: 'batch-too-large',
      who,
      got: `${stage}.batch = ${training.batch} with ${images} training images`,
      expected: `a batch of ${images} images at most`,
      next: 'Choose a smaller batch, or add images.',
    });
  }
}

/** Every class needs a training image. For a class without images, a model would draw noise. */
function checkClasses(who: string, { classes, train }: DataSet): void {
  const most = train.label_N.reduce((largest, label) => Math.max(largest, label), -1);
  if (most >= classes.length) {
    const got = `images of class ${most} and names of ${classes.length} classes`;
    throw new TesseraError({
      code: 'classes-mismatch',
      who,
      got,
      expected: 'a name for each',
      next: 'Correct data.classes.',
    });
  }
  const images = new Uint32Array(classes.length);
  for (const label of train.label_N) if (label >= 0) images[label]!++;
  const empty = classes.filter((_, label) => images[label] === 0);
  if (empty.length === 0) return;
  const shown = empty.slice(0, 5).join(', ') + (empty.length > 5 ? ` and ${empty.length - 5} more` : '');
  throw new TesseraError({
    code: 'class-empty',
    who,
    got: `no training image of ${empty.length} of ${classes.length} classes (${shown}) among ${train.count}`,
    expected: 'at least one of each class',
    next: 'Add images or take the class out, hold fewer images out (data.validation, data.test), or raise data.limit.',
  });
}

async function checkJudge({ recipe, folder }: LoadedRecipe, data: DataSet): Promise<void> {
  const { name: who, judge, tokenizer, model, evaluation } = recipe;
  if (!judge) {
    if (!tokenizer || tokenizer.kind === 'model' || perceptualSource(tokenizer.loss.perceptual) !== 'judge') return;
    const got = 'a perceptual term without a judge to look through';
    const next = 'Add judge to the recipe, or name a network: perceptual = { weight, network: "lpips-vgg16" }.';
    throw new TesseraError({ code: 'recipe-incomplete', who, got, expected: 'a judge', next });
  }
  const opened = await openNamedJudge(judge, folder);
  opened?.dispose();
  requireJudgeable(data, { who, judge: opened && opened.config });
  if (!model || evaluation.samples > 1) return;
  const got = `evaluation.samples = ${evaluation.samples}`;
  throw new TesseraError({ code: 'recipe-misfit', who, got, expected: '2 at least: one image has no spread' });
}

/** Opens the network that a perceptual term names once, so that its weights are there and fit before any training. */
async function checkPerceptual({ tokenizer }: Recipe, options: PerceptualOptions): Promise<void> {
  if (!tokenizer || tokenizer.kind === 'model') return;
  const source = perceptualSource(tokenizer.loss.perceptual);
  if (typeof source === 'object') (await openPerceptualNetwork(source.network, options)).dispose();
}
