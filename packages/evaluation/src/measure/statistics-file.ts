import { parseJson, TesseraError } from '@tessera/errors';
import type { FeatureNetwork, ImageSize } from '@tessera/features';
import { openNpz, type NpzFile } from '../files/npz.ts';
import { bytesOfNumbers, type WritableArray, writeNpz } from '../files/write-npz.ts';
import { sizeWords } from '../images/image-source.ts';
import type { Gaussian } from '../metrics/gaussian.ts';
import type { Reference } from './figures.ts';

/** What a file of statistics was computed with. Other evaluators write no such facts. */
export interface StatisticsFacts {
  readonly network: string;
  /** SHA-256 of the network's weights. */
  readonly sha256: string;
  /** How the network brings images to its form. */
  readonly input: string;
  readonly image: ImageSize;
  readonly images: number;
}

/** A file of statistics. */
export interface Statistics {
  readonly reference: Reference;
  /** Null for a file of another evaluator. */
  readonly facts: StatisticsFacts | null;
}

/** Whether an npz file holds statistics (`mu`, `sigma`) rather than images. */
export function holdsStatistics({ names }: Pick<NpzFile, 'names'>): boolean {
  return names.includes('mu') && names.includes('sigma');
}

/**
 * Reads statistics as the usual evaluators write them: `mu` and `sigma`, and for sFID `mu_s` and `sigma_s`.
 * @throws TesseraError `statistics-malformed`, and those of `openNpz`
 */
export async function readStatistics(path: string): Promise<Statistics> {
  const file = await openNpz(path);
  try {
    const facts = file.names.includes('tessera')
      ? factsOf((await file.array('tessera')).values as Uint8Array, path)
      : null;
    const count = facts?.images ?? 0;
    const gaussian = await gaussianOf(file, ['mu', 'sigma'], count);
    const spatial = file.names.includes('sigma_s') ? await gaussianOf(file, ['mu_s', 'sigma_s'], count) : null;
    return { facts, reference: { gaussian, spatial, measured: null } };
  } finally {
    file.close();
  }
}

async function gaussianOf(
  file: NpzFile,
  [mean, covariance]: readonly [string, string],
  count: number,
): Promise<Gaussian> {
  const [mu, sigma] = [await file.array(mean), await file.array(covariance)];
  const dims = mu.values.length;
  if (mu.shape.length !== 1 || sigma.shape.length !== 2 || sigma.shape.some((side) => side !== dims)) {
    throw malformed(file.path, `${mean} [${mu.shape.join(', ')}] and ${covariance} [${sigma.shape.join(', ')}]`);
  }
  if (![mu, sigma].every(({ values }) => values.every(Number.isFinite))) throw malformed(file.path, 'NaN or infinity');
  return { count, mean_D: Float64Array.from(mu.values), covariance_DD: Float64Array.from(sigma.values) };
}

function factsOf(bytes: Uint8Array, who: string): StatisticsFacts {
  const refusal = { code: 'statistics-malformed', who, expected: 'facts as Tessera writes them' };
  const facts = parseJson(bytes, refusal) as StatisticsFacts;
  const known = typeof facts?.sha256 === 'string' && typeof facts.network === 'string' && facts.image !== null;
  if (!known || typeof facts.image !== 'object') throw malformed(who, 'facts of another form');
  return facts;
}

/** Writes statistics that the usual evaluators read, with what they were computed with in `tessera`. */
export async function writeStatistics(path: string, { reference, facts }: Statistics): Promise<void> {
  const arrays = (gaussian: Gaussian, [mean, covariance]: readonly [string, string]): WritableArray[] => {
    const dims = gaussian.mean_D.length;
    return [
      { name: mean, type: '<f8', shape: [dims], pieces: [bytesOfNumbers(gaussian.mean_D)] },
      { name: covariance, type: '<f8', shape: [dims, dims], pieces: [bytesOfNumbers(gaussian.covariance_DD)] },
    ];
  };
  const json = new TextEncoder().encode(JSON.stringify(facts));
  await writeNpz(path, [
    ...arrays(reference.gaussian, ['mu', 'sigma']),
    ...(reference.spatial ? arrays(reference.spatial, ['mu_s', 'sigma_s']) : []),
    ...(facts ? [{ name: 'tessera', type: '|u1' as const, shape: [json.length], pieces: [json] }] : []),
  ]);
}

/** What images are measured with. */
export interface Manner {
  readonly network: Pick<FeatureNetwork, 'name' | 'sha256' | 'input' | 'dims'>;
  readonly image: ImageSize;
}

/**
 * Refuses statistics that were computed in another manner than the images that are compared with them. Of a file without
 * facts only the number of features can be checked.
 * @throws TesseraError `protocols-differ`
 */
export function requireSameManner({ facts, reference }: Statistics, { network, image }: Manner, who: string): void {
  const dims = reference.gaussian.mean_D.length;
  const next = 'Compute the statistics again, or measure with the network and the size that they were computed with.';
  const refuse = (got: string, expected: string): never => {
    throw new TesseraError({ code: 'protocols-differ', who, got, expected, next });
  };
  if (facts && facts.sha256 !== network.sha256) {
    refuse(`statistics of the network ${facts.network} ${facts.sha256.slice(0, 12)}`, named(network));
  }
  if (dims !== network.dims) refuse(`statistics of ${dims} features`, `the ${network.dims} of ${named(network)}`);
  if (!facts) return;
  if (facts.input !== network.input) refuse(`statistics of images prepared by "${facts.input}"`, `"${network.input}"`);
  if (sizeWords(facts.image) !== sizeWords(image)) {
    refuse(`statistics of images of ${sizeWords(facts.image)}`, `${sizeWords(image)}, the size of the images`);
  }
}

function named({ name, sha256 }: Manner['network']): string {
  return `${name} ${sha256.slice(0, 12)}`;
}

function malformed(who: string, got: string): TesseraError {
  return new TesseraError({ code: 'statistics-malformed', who, got, expected: 'mu [D] and sigma [D, D] of numbers' });
}
