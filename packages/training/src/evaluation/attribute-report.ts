import { TesseraError } from '@tessera/errors';
import type { AttributeProgram, AttributeResults } from '@tessera/features';
import type { Attribute, DataSet, Split } from '../data/data-set.ts';
import { splitImages } from '../report/pictures.ts';
import { nearestNeighbours } from './nearest-neighbours.ts';

interface ReportRequest {
  /** Images of a model in [0, 1], `[N, height, width, channels]` row-major. */
  readonly samples: Float32Array;
  /** A judge that was trained on the attributes of `data`. */
  readonly judge: AttributeProgram;
  readonly data: DataSet;
}

/** A figure of the samples, and of as many test and training images for comparison. */
interface Compared {
  readonly samples: number;
  readonly test: number;
  readonly train: number;
}

/** What a model draws, by attributes, and whether it has memorised its training images. */
export interface AttributeReport {
  /** What the judge finds in each sample: its class and the values by attribute. */
  readonly found: readonly { readonly class: string; readonly attributes: Readonly<Record<string, string>> }[];
  /** Share of the attributes of the test images that the judge tells rightly, over all and of each. */
  readonly accuracy: number;
  readonly accuracyOf: Readonly<Record<string, number>>;
  /**
   * Share of images whose combination of attributes, as the judge tells them, no training image has. For training images it
   * is the judge's error alone, for a model that copies them it is the same, and for a model that draws as the data do it is
   * that of the test images.
   */
  readonly unseen: Compared;
  /** The same share for all test images by their known attributes, without a judge. */
  readonly unseenInTruth: number;
  /** Total variation distance between the values in the samples and in the training images (0 equal, 1 apart), averaged over attributes. */
  readonly spread: number;
  /** Squared distance per pixel to the nearest training image: median over images. */
  readonly nearest: Omit<Compared, 'train'>;
  /** Share of samples nearer to a training image than 95% of the test images are. About 0.05 for a model that copies nothing. */
  readonly nearer: number;
  /** The nearest training image of each sample. */
  readonly neighbour_N: Int32Array;
}

/** @throws TesseraError `attributes-missing`, `attributes-differ` */
export async function attributeReport({ samples, judge, data }: ReportRequest): Promise<AttributeReport> {
  const attributes = requireAttributes(data, judge);
  const { train, test, image } = data;
  const size = image.height * image.width * image.channels;
  const count = samples.length / size;
  const some = (split: Split) => split.read(firstOf(split, count));
  const found = await judge.run(samples);
  const [testPixels, trainPixels] = [await some(test), await some(train)];
  const seen = new Set(rowsOf(train, attributes.length).map(combination));
  const unseen = (rows: readonly Row[]) => share(rows, (row) => !seen.has(combination(row)));
  const ofTest = await nearestNeighbours(pictures(testPixels, data), train);
  const ofSamples = await nearestNeighbours(pictures(samples, data), train);
  const limit = quantile(ofTest.distance_N, 0.05);
  return {
    found: resultRows(found, attributes.length).map((row) => namedRow(row, data, attributes)),
    ...(await accuracies(judge, test, attributes)),
    unseen: {
      samples: unseen(resultRows(found, attributes.length)),
      test: unseen(resultRows(await judge.run(testPixels), attributes.length)),
      train: unseen(resultRows(await judge.run(trainPixels), attributes.length)),
    },
    unseenInTruth: unseen(rowsOf(test, attributes.length)),
    spread: spreadOf(resultRows(found, attributes.length), rowsOf(train, attributes.length), attributes),
    nearest: { samples: quantile(ofSamples.distance_N, 0.5), test: quantile(ofTest.distance_N, 0.5) },
    nearer: share([...ofSamples.distance_N], (distance) => distance < limit),
    neighbour_N: ofSamples.index_N,
  };
}

/** The attributes of data, which a judge knows. @throws TesseraError `attributes-missing`, `attributes-differ` */
export function requireAttributes({ name, attributes }: DataSet, judge: AttributeProgram): readonly Attribute[] {
  if (!attributes) {
    const [got, expected] = ['data of which only classes are known', 'data with attributes'];
    throw new TesseraError({ code: 'attributes-missing', who: name, got, expected });
  }
  if (JSON.stringify(attributes) === JSON.stringify(judge.attributes)) return attributes;
  throw new TesseraError({
    code: 'attributes-differ',
    who: name,
    got: 'a judge of other attributes',
    expected: 'one that was trained on the attributes of this data',
    next: 'Train it with the styles of this recipe in the same order.',
  });
}

/** The class of an image, and the values of all attributes; -1 for those of other classes. */
interface Row {
  readonly label: number;
  readonly value_A: Int32Array;
}

function rowsOf({ label_N, attribute_NA }: Split, columns: number): Row[] {
  return resultRows({ label_N, attribute_NA: attribute_NA! }, columns);
}

function resultRows({ label_N, attribute_NA }: AttributeResults, columns: number): Row[] {
  return Array.from(label_N, (label, n) => ({ label, value_A: attribute_NA.subarray(n * columns, (n + 1) * columns) }));
}

function combination({ label, value_A }: Row): string {
  return `${label}:${value_A.join()}`;
}

function namedRow({ label, value_A }: Row, { classes }: DataSet, attributes: readonly Attribute[]) {
  const named = attributes.flatMap(({ name, values }, a) => (value_A[a]! < 0 ? [] : [[name, values[value_A[a]!]!]]));
  return { class: classes[label]!, attributes: Object.fromEntries(named) as Record<string, string> };
}

/** Share of attributes told rightly. An attribute of an image whose class is told wrongly is wrong. */
async function accuracies(judge: AttributeProgram, test: Split, attributes: readonly Attribute[]) {
  const found = resultRows(await judge.run(await test.read(firstOf(test, test.count))), attributes.length);
  const truth = rowsOf(test, attributes.length);
  const right = attributes.map(() => 0);
  const all = attributes.map(() => 0);
  for (const [n, { value_A }] of truth.entries()) {
    for (const [a, value] of value_A.entries()) {
      if (value < 0) continue;
      all[a]!++;
      if (found[n]!.value_A[a] === value) right[a]!++;
    }
  }
  const sum = (counts: readonly number[]) => counts.reduce((total, count) => total + count, 0);
  return {
    accuracy: sum(right) / sum(all),
    accuracyOf: Object.fromEntries(attributes.map(({ name }, a) => [name, right[a]! / all[a]!])),
  };
}

/** Total variation distance of the values of each attribute, averaged over the attributes of the classes that were found. */
function spreadOf(found: readonly Row[], train: readonly Row[], attributes: readonly Attribute[]): number {
  const distances = attributes.flatMap(({ values }, a) => {
    const [one, other] = [found, train].map((rows) => distribution(rows, a, values.length));
    return one && other ? [one.reduce((sum, part, value) => sum + Math.abs(part - other[value]!), 0) / 2] : [];
  });
  return distances.reduce((sum, distance) => sum + distance, 0) / distances.length;
}

function distribution(rows: readonly Row[], attribute: number, values: number): number[] | null {
  const counts = new Array<number>(values).fill(0);
  let all = 0;
  for (const { value_A } of rows) {
    if (value_A[attribute]! < 0) continue;
    counts[value_A[attribute]!]!++;
    all++;
  }
  return all === 0 ? null : counts.map((count) => count / all);
}

function pictures(pixels: Float32Array, { image }: DataSet): Float32Array[] {
  return splitImages(pixels, image).map(({ data }) => data as Float32Array);
}

function firstOf({ count }: Split, most: number): Int32Array {
  return Int32Array.from({ length: Math.min(most, count) }, (_, i) => i);
}

function share<T>(items: readonly T[], holds: (item: T) => boolean): number {
  return items.filter(holds).length / items.length;
}

function quantile(values: Float32Array, at: number): number {
  const sorted = values.toSorted();
  return sorted[Math.min(sorted.length - 1, Math.floor(at * sorted.length))]!;
}
