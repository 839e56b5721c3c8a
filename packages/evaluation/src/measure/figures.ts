import { accuracy } from '../metrics/accuracy.ts';
import { classifierScore } from '../metrics/classifier-score.ts';
import type { FeatureProducts } from '../metrics/feature-products.ts';
import { frechetDistance } from '../metrics/frechet-distance.ts';
import { fitGaussian, type Gaussian } from '../metrics/gaussian.ts';
import { type Interval, intervalOf, jackknifeInterval } from '../metrics/interval.ts';
import { kernelDistance } from '../metrics/kernel-distance.ts';
import { precisionAndRecall } from '../metrics/precision-recall.ts';
import { firstRows, type Measured, rowsOf } from './measured.ts';

/** Real images that others are compared with. */
export interface Reference {
  readonly gaussian: Gaussian;
  /** Of the features that keep their places; null where there are none. */
  readonly spatial: Gaussian | null;
  /** The images themselves; null where only their statistics are known. */
  readonly measured: Measured | null;
}

/** The reference that real images are. */
export function referenceOf(measured: Measured): Reference {
  return { gaussian: gaussianOf(measured), spatial: spatialOf(measured), measured };
}

/** Figures of one set of images. Null is what network, labels or reference do not allow. */
export interface Figures {
  readonly frechetDistance: number;
  readonly spatialFrechetDistance: number | null;
  readonly kernelDistance: number | null;
  readonly precision: number | null;
  readonly recall: number | null;
  readonly classifierScore: number | null;
  readonly recognised: number | null;
}

export type FigureName = keyof Figures;

/**
 * Computes all figures of one set. Precision, recall and kernel distance compare it with as many reference images, or with all
 * of them where there are fewer.
 */
export async function figuresOf(
  products: FeatureProducts,
  { images, reference }: { readonly images: Measured; readonly reference: Reference },
): Promise<Figures> {
  const spatial = spatialOf(images);
  const { probabilities_NK, found_N, expected_N, count } = images;
  return {
    frechetDistance: frechetDistance(gaussianOf(images), reference.gaussian),
    spatialFrechetDistance: spatial && reference.spatial && frechetDistance(spatial, reference.spatial),
    ...(await neighbourFigures(products, { images, reference })),
    classifierScore:
      probabilities_NK && classifierScore({ probabilities_NK, classes: probabilities_NK.length / count }),
    recognised: found_N && expected_N && accuracy(found_N, expected_N),
  };
}

/** Precision and recall need neighbours: four images. */
const LEAST_NEIGHBOURS = 4;

async function neighbourFigures(
  products: FeatureProducts,
  { images, reference }: { readonly images: Measured; readonly reference: Reference },
): Promise<Pick<Figures, 'kernelDistance' | 'precision' | 'recall'>> {
  const real = reference.measured && firstRows(reference.measured, images.count);
  if (!real || Math.min(real.count, images.count) < LEAST_NEIGHBOURS) {
    return { kernelDistance: null, precision: null, recall: null };
  }
  const sets = { real, generated: images };
  return { kernelDistance: await kernelDistance(products, sets), ...(await precisionAndRecall(products, sets)) };
}

function gaussianOf({ features_ND, dims }: Measured): Gaussian {
  return fitGaussian(features_ND, dims);
}

function spatialOf({ spatial_ND, count }: Measured): Gaussian | null {
  return spatial_ND && fitGaussian(spatial_ND, spatial_ND.length / count);
}

/** A figure over one set or several. */
export interface Figure extends Interval {
  /** The figure of each set. */
  readonly values: readonly number[];
}

export type FiguresWithIntervals = Readonly<Partial<Record<FigureName, Figure>>>;

/** Parts of a set for the interval of a single one. */
const PARTS = 10;

/**
 * Figures with intervals of 95%: of several sets from their differences, of a single one by leaving out each tenth of it. A
 * single set of fewer than 100 images gets none.
 */
export async function figuresOfSets(
  products: FeatureProducts,
  { sets, reference }: { readonly sets: readonly Measured[]; readonly reference: Reference },
): Promise<FiguresWithIntervals> {
  const each: Figures[] = [];
  for (const images of sets) each.push(await figuresOf(products, { images, reference }));
  const isSingle = sets.length === 1 && sets[0]!.count >= PARTS * PARTS;
  const without: Figures[] = [];
  for (let part = 0; isSingle && part < PARTS; part++) {
    without.push(await figuresOf(products, { images: withoutPart(sets[0]!, part), reference }));
  }
  const entries = (Object.keys(each[0]!) as FigureName[]).flatMap((name) => {
    const values = valuesOf(each, name);
    if (values === null) return [];
    const interval = isSingle ? jackknifeInterval(values[0]!, valuesOf(without, name)!) : intervalOf(values);
    return [[name, { ...interval, values }] as const];
  });
  return Object.fromEntries(entries);
}

function valuesOf(figures: readonly Figures[], name: FigureName): number[] | null {
  const values = figures.flatMap((each) => each[name] ?? []);
  return values.length === figures.length ? values : null;
}

function withoutPart(images: Measured, part: number): Measured {
  const rows = Int32Array.from({ length: images.count }, (_, i) => i).filter((row) => row % PARTS !== part);
  return rowsOf(images, rows);
}
