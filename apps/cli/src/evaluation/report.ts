import {
  accuracyByClass,
  type FigureName,
  type Figures,
  type FiguresWithIntervals,
  type Measured,
} from '@tessera/evaluation';
import type { FeatureNetwork, ImageSize } from '@tessera/features';
import type { Precision } from '@tessera/engine';
import type { ReconstructionFigures } from '@tessera/training';
import type { OpenedReference } from './reference.ts';
import type { Session } from './session.ts';

/** How a figure is shown. */
interface Shown {
  readonly title: string;
  /** On features of the Inception network it has a name of its own. */
  readonly inception?: string;
  /** Shares are shown in percent. */
  readonly share?: true;
}

export const shownFigures: Readonly<Record<FigureName, Shown>> = {
  frechetDistance: { title: 'Frechet distance', inception: 'FID' },
  spatialFrechetDistance: { title: 'spatial Frechet', inception: 'sFID' },
  kernelDistance: { title: 'kernel distance', inception: 'KID' },
  classifierScore: { title: 'classifier score', inception: 'Inception score' },
  precision: { title: 'precision', share: true },
  recall: { title: 'recall', share: true },
  recognised: { title: 'recognised', share: true },
};

/** The name of a figure. Only the Inception network of FID makes an FID. */
export function titleOf(name: FigureName, network: Pick<FeatureNetwork, 'name'>): string {
  const { title, inception } = shownFigures[name];
  return inception !== undefined && network.name === 'inception-fid' ? inception : title;
}

/** A figure in words: shares in percent, others with four digits. */
export function shown(name: FigureName, value: number): string {
  return shownFigures[name].share ? `${(100 * value).toFixed(1)} %` : String(Number(value.toPrecision(4)));
}

/** All that another person needs to get the same figures, and the figures. */
export interface Report {
  readonly subject: string;
  readonly against: string;
  readonly network: Pick<FeatureNetwork, 'name' | 'sha256' | 'input'>;
  readonly image: ImageSize;
  /** How pictures of folders came to that size. */
  readonly scaled: string | null;
  /** Images in each set. */
  readonly samples: number;
  /** Images of the reference; null where its file does not say it. */
  readonly reference: number | null;
  readonly figures: FiguresWithIntervals;
  /** The figures of real images that are not in the reference. */
  readonly floor: Figures | null;
  /** Share of recognised images by the name of their class. */
  readonly recognisedByClass: Readonly<Record<string, number | null>> | null;
  /** Null for images that exist already. */
  readonly generation: GenerationReport | null;
}

interface GenerationReport {
  readonly seeds: readonly number[];
  readonly precision: Precision;
  readonly guidance: { readonly kind: string; readonly scale: number };
  readonly options: Readonly<Record<string, unknown>>;
  /** Steps of the loop for one image. */
  readonly steps: number;
  readonly imagesPerSecond: number;
  readonly reconstruction: ReconstructionFigures | null;
}

/** The report as lines for people. */
export function reportLines(report: Report): string[] {
  const { subject, against, network, samples, reference, generation, recognisedByClass, image, scaled } = report;
  const size = `${image.width} x ${image.height}${scaled ? `, ${scaled}` : ''}`;
  const sets = generation && generation.seeds.length > 1 ? ` in each of ${generation.seeds.length} sets` : '';
  return [
    `${subject}: ${samples} images${sets} against ${reference ?? 'an unknown number of'} images of ${against}`,
    `network ${network.name} ${network.sha256.slice(0, 12)}, images of ${size} (${network.input})`,
    ...(generation ? [settingsLine(generation)] : []),
    ...figureLines(report),
    ...(recognisedByClass ? [`by class           ${classWords(recognisedByClass)}`] : []),
    ...(generation ? generationLines(generation) : []),
  ];
}

function settingsLine({ seeds, precision, guidance, options, steps }: GenerationReport): string {
  const set = Object.entries(options).map(([name, value]) => `${name} ${String(value)}`);
  const reduced = precision === 'float32' ? [] : [precision];
  return [
    `seeds ${seeds.join(', ')}`,
    ...reduced,
    `guidance ${guidance.kind} ${guidance.scale}`,
    `${steps} steps`,
    ...set,
  ].join('; ');
}

/** A line for each figure, with its interval and what real images reach. */
function figureLines({ figures, floor, network }: Pick<Report, 'figures' | 'floor' | 'network'>): string[] {
  return (Object.keys(shownFigures) as FigureName[]).flatMap((name) => {
    const figure = figures[name];
    if (!figure) return [];
    const real = floor?.[name];
    const half = figure.half === null ? '' : ` ± ${shown(name, figure.half)}`;
    const reached = real === null || real === undefined ? '' : `   (real test images: ${shown(name, real)})`;
    return [`${titleOf(name, network).padEnd(17)}  ${shown(name, figure.mean)}${half}${reached}`];
  });
}

function classWords(shares: Readonly<Record<string, number | null>>): string {
  const known = Object.entries(shares).filter(([, share]) => share !== null);
  return known.map(([name, share]) => `${name} ${(100 * share!).toFixed(0)}`).join(', ');
}

function generationLines({ reconstruction, imagesPerSecond }: GenerationReport): string[] {
  const words = (r: ReconstructionFigures): string =>
    `tokenizer          PSNR ${r.psnr.toFixed(1)} dB, SSIM ${r.ssim.toFixed(3)} on ${r.images} test images`;
  return [
    ...(reconstruction ? [words(reconstruction)] : []),
    `throughput         ${imagesPerSecond.toFixed(1)} images/s`,
  ];
}

/** What images were measured with and compared to. */
export function manner(
  { opened, session }: { readonly opened: OpenedReference; readonly session: Session },
  { subject, image, samples }: Pick<Report, 'subject' | 'image' | 'samples'>,
): Omit<Report, 'figures' | 'recognisedByClass' | 'generation'> {
  const { name, sha256, input } = session.network;
  return {
    subject,
    against: opened.name,
    network: { name, sha256, input },
    image,
    scaled: null,
    samples,
    reference: session.reference.images,
    floor: session.floor,
  };
}

/** Share of recognised images of all sets by class; null where nothing can be recognised. */
export function recognisedByClass(sets: readonly Measured[], classes: readonly string[]): Report['recognisedByClass'] {
  if (!sets.every(({ found_N, expected_N }) => found_N && expected_N)) return null;
  const joined = (of: (set: Measured) => Int32Array): Int32Array =>
    Int32Array.from(sets.flatMap((set) => [...of(set)]));
  const shares = accuracyByClass(
    joined(({ found_N }) => found_N!),
    joined(({ expected_N }) => expected_N!),
    classes.length,
  );
  return Object.fromEntries(classes.map((name, label) => [name, shares[label]!]));
}
