import { TesseraError } from '@tessera/errors';
import { openData } from '../data/data-kinds.ts';
import type { DataSet } from '../data/data-set.ts';
import { requireJudgeable } from '../evaluation/comparable-data.ts';
import { openShippedJudge } from '../evaluation/judge.ts';
import type { LoadedRecipe, Recipe } from '../recipe/recipe.ts';

/**
 * Opens the data of a recipe, and checks it for all stages before any work: every stage must fill a batch, every class must
 * have a training image, and a judge must fit the data.
 * @throws TesseraError `batch-too-large`, `classes-mismatch`, `class-empty`, `recipe-incomplete`, `recipe-misfit`, and what
 * `openData`, `openShippedJudge` and `requireJudgeable` throw
 */
export async function openRecipeData({ recipe, folder }: LoadedRecipe): Promise<DataSet> {
  const data = await openData(recipe.data, { folder, seed: recipe.seed });
  checkBatches(recipe, data.train.count);
  checkClasses(recipe.name, data);
  await checkJudge(recipe, data);
  return data;
}

/** Sentences about the data that the user should know before a training starts. */
export function dataRemarks({ validation }: DataSet): string[] {
  if (validation.count > 0) return [];
  return ['No images are held out for validation: the training goes without validation losses (data.validation).'];
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

async function checkJudge({ name: who, judge, tokenizer, model, evaluation }: Recipe, data: DataSet): Promise<void> {
  if (!judge) {
    if (!tokenizer || tokenizer.kind === 'model' || tokenizer.loss.perceptual === 0) return;
    const got = 'a perceptual term without a judge to look through';
    const next = 'Add judge to the recipe.';
    throw new TesseraError({ code: 'recipe-incomplete', who, got, expected: 'a judge', next });
  }
  if (judge.kind === 'shipped') {
    const { judge: shipped, dispose } = await openShippedJudge(judge.name);
    dispose();
    requireJudgeable(data, { who, judge: shipped.config });
  } else {
    requireJudgeable(data, { who, judge: null });
  }
  if (!model || evaluation.samples > 1) return;
  const got = `evaluation.samples = ${evaluation.samples}`;
  throw new TesseraError({ code: 'recipe-misfit', who, got, expected: '2 at least: one image has no spread' });
}
