import {
  firstRows,
  holdsStatistics,
  measure,
  openNpz,
  openNpzImages,
  readStatistics,
  referenceOf,
  requireSameManner,
  type ImageSource,
  type Measured,
  type Reference,
} from '@tessera/evaluation';
import { TesseraError } from '@tessera/errors';
import type { FeatureNetwork, ImageSize } from '@tessera/features';
import type { Engine } from '@tessera/engine';
import { openData, readRecipe, splitSource, type DataSet, type LoadedRecipe } from '@tessera/training';
import { openFolderImages } from './folder-images.ts';
import { keptMeasured } from './kept-measured.ts';
import { namedReference } from './subject.ts';

/** Real images that were opened, but not yet measured. */
export interface OpenedReference {
  readonly name: string;
  /** Size of the images; null for statistics, which may not say it. */
  readonly image: ImageSize | null;
  /** Names of the classes; null where labels have no meaning. */
  readonly classes: readonly string[] | null;
  /** The recipe that was named; null for files. */
  readonly recipe: LoadedRecipe | null;
  readonly data: DataSet | null;
  measure(network: MeasuredWith): Promise<MeasuredReference>;
}

interface MeasuredWith {
  readonly engine: Engine;
  readonly network: FeatureNetwork;
  /** Size of the images that are compared. */
  readonly image: ImageSize;
  /** How many images are compared in each set. */
  readonly samples: number;
}

export interface MeasuredReference {
  readonly reference: Reference;
  /** Number of images; null for statistics of another evaluator, which do not say it. */
  readonly images: number | null;
  /** Real images that are not in the reference, at most as many as are compared: nothing better can be expected. */
  readonly real: Measured | null;
  /** What could not be checked, for people. */
  readonly remarks: readonly string[];
}

interface Wanted {
  /** The pixels a side to which pictures of a folder are scaled. */
  readonly size: number | undefined;
  /** Channels of the images that are compared, 1 or 3. */
  readonly channels: number;
}

/**
 * Opens what images are compared with.
 * @throws TesseraError `file-missing`, and those of recipes, data, folders and npz files
 */
export async function openReference(word: string, { size, channels }: Wanted): Promise<OpenedReference> {
  const named = namedReference(word);
  if (named.kind === 'recipe') return recipeReference(await readRecipe(named.path));
  if (named.kind === 'folder') {
    const image = size === undefined ? null : { height: size, width: size, channels };
    const images = await openFolderImages(named.path, { image, channels, scale: size !== undefined });
    return imagesReference(images, images.classes.length > 0 ? images.classes : null);
  }
  const file = await openNpz(named.path);
  file.close();
  if (holdsStatistics(file)) return statisticsReference(named.path, file.names.includes('arr_0'));
  return imagesReference(await openNpzImages(named.path, channels), null);
}

const REFERENCE = 10_000;
/** Which images of a data set are the reference never depends on the seed of samples. */
const SEED = 1;

/** The training images of a recipe are the reference, its test images show what real images reach. */
export async function recipeReference(recipe: LoadedRecipe): Promise<OpenedReference> {
  const data = await openData(recipe.recipe.data, { folder: recipe.folder, seed: recipe.recipe.seed });
  return {
    name: recipe.recipe.name,
    image: data.image,
    classes: data.classes,
    recipe,
    data,
    async measure({ samples, ...network }) {
      const measured = (split: 'train' | 'test', images: ImageSource) =>
        keptMeasured({ ...network, data, split, seed: SEED, images }, () => measure(network, images));
      const train = await measured('train', splitSource(data, { split: 'train', count: REFERENCE, seed: SEED }));
      const test = splitSource(data, { split: 'test', count: samples, seed: SEED });
      const real = test.count < 2 ? null : await measured('test', test);
      return { reference: referenceOf(train), images: train.count, real, remarks: [] };
    },
  };
}

function imagesReference(images: ImageSource, classes: readonly string[] | null): OpenedReference {
  return {
    name: images.name,
    image: images.image,
    classes,
    recipe: null,
    data: null,
    async measure(network) {
      return {
        reference: referenceOf(await measure(network, images)),
        images: images.count,
        real: null,
        remarks: [],
      };
    },
  };
}

/** Statistics of an npz file, and its images too if it has any, as the reference batches of ADM's evaluator. */
function statisticsReference(path: string, hasImages: boolean): OpenedReference {
  return {
    name: path,
    image: null,
    classes: null,
    recipe: null,
    data: null,
    async measure({ engine, network, image, samples }) {
      const statistics = await readStatistics(path);
      requireSameManner(statistics, { network, image }, path);
      const { facts, reference } = statistics;
      const images = hasImages ? await openNpzImages(path, image.channels) : null;
      const measured = images && firstRows(await measure({ engine, network }, images), samples);
      const unknown = `${path} does not say which network made it: the figures mean something only if it was ${network.name}.`;
      return {
        reference: { ...reference, measured },
        images: facts?.images ?? null,
        real: null,
        remarks: facts === null ? [unknown] : [],
      };
    },
  };
}

/** Refuses images of another size than the reference. @throws TesseraError `protocols-differ` */
export function requireSameSize(
  images: Pick<ImageSource, 'name' | 'image'>,
  { name, image }: Pick<OpenedReference, 'name' | 'image'>,
): void {
  const own = images.image;
  if (image === null || (own.height === image.height && own.width === image.width && own.channels === image.channels)) {
    return;
  }
  const words = ({ height, width, channels }: ImageSize): string => `${width} x ${height} pixels, ${channels} channels`;
  throw new TesseraError({
    code: 'protocols-differ',
    who: images.name,
    got: `images of ${words(own)}`,
    expected: `${words(image)}, as in ${name}`,
    next: 'Figures of different sizes cannot be compared: scale the pictures of folders with --size.',
  });
}
