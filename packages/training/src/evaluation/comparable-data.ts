import { TesseraError } from '@tessera/errors';
import type { JudgeConfig } from '@tessera/features';
import type { DataSet } from '../data/data-set.ts';

/** A covariance needs two images. */
const LEAST_IMAGES = 2;

interface Judging {
  readonly who: string;
  /** Null for a judge that is trained on the data. */
  readonly judge: JudgeConfig | null;
}

/**
 * Refuses data that a judge cannot work with. It needs a label for every image, images to compare samples with, and the
 * judge's own classes and channels.
 * @throws TesseraError `too-few-images`, `images-unlabelled`, `judge-misfit`
 */
export function requireJudgeable({ train, test, classes, image }: DataSet, { who, judge }: Judging): void {
  for (const [name, { count, label_N }] of Object.entries({ training: train, test })) {
    if (count < LEAST_IMAGES) {
      throw new TesseraError({
        code: 'too-few-images',
        who,
        got: `${count} ${name} images with a judge`,
        expected: `${LEAST_IMAGES} at least, to compare samples with`,
        next: 'Add images, hold more of them out (data.test of a folder), or leave judge out.',
      });
    }
    const unlabelled = label_N.reduce((sum, label) => sum + Number(label < 0), 0);
    if (unlabelled === 0) continue;
    throw new TesseraError({
      code: 'images-unlabelled',
      who,
      got: `${unlabelled} ${name} images of no class with a judge`,
      expected: 'a class for every image',
      next: 'Put them into the folder of a class, or leave judge out.',
    });
  }
  if (!judge || (judge.classes === classes.length && judge.channels === image.channels)) return;
  throw new TesseraError({
    code: 'judge-misfit',
    who,
    got: `data of ${classes.length} classes and ${image.channels} channels`,
    expected: `${judge.classes} classes and ${judge.channels} channels, which the judge was trained on`,
    next: 'Choose another judge, train one (judge.kind = "train"), or leave judge out.',
  });
}

/**
 * Refuses data whose classes are not those of the model that is compared with it. Labels are numbers, so renamed folders
 * could exchange the meaning of two labels. All names may differ: `n01440764` and `tench`.
 * @throws TesseraError `classes-differ`
 */
export function requireSameClasses(model: readonly string[], data: readonly string[], who: string): void {
  const next = 'Name the recipe that the model was trained with (--recipe), or restore the folders of its classes.';
  if (model.length !== data.length) {
    const got = `data of ${data.length} classes`;
    throw new TesseraError({ code: 'classes-differ', who, got, expected: `the ${model.length} of the model`, next });
  }
  const label = data.findIndex((name, at) => name !== model[at] && model.includes(name));
  if (label < 0) return;
  const got = `data whose class ${label} is ${data[label]!}`;
  const expected = `the order of the model, whose class ${label} is ${model[label]!}`;
  throw new TesseraError({ code: 'classes-differ', who, got, expected, next });
}
