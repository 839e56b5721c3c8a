import { TesseraError } from '@tessera/errors';
import type { DataSet } from '../data/data-set.ts';
import type { JudgeConfig } from './judge.ts';

/** A Frechet distance needs the spread of its images. */
const LEAST_IMAGES = 2;

interface Judging {
  readonly who: string;
  /** Null for a judge that is trained on the data. */
  readonly judge: JudgeConfig | null;
}

/**
 * Refuses data that a judge cannot judge by: labels of all images, images to compare samples with, and the judge's own
 * classes and channels.
 * @throws TesseraError `too-few-images`, `images-unlabelled`, `judge-misfit`
 */
export function requireJudgeable({ train, test, classes, image }: DataSet, { who, judge }: Judging): void {
  for (const [name, { count, label_N }] of Object.entries({ training: train, test })) {
    if (count < LEAST_IMAGES) {
      throw new TesseraError({
        code: 'too-few-images',
        who,
        got: `${count} ${name} images with a judge`,
        expected: `${LEAST_IMAGES} at least, to hold samples against`,
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
