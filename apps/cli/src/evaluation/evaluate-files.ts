import { openNpzImages, type ImageSource } from '@tessera/evaluation';
import type { FeatureNetwork } from '@tessera/features';
import { createEngine, type EngineOptions } from '@tessera/targets';
import type { Terminal } from '../terminal.ts';
import { openFolderImages } from './folder-images.ts';
import { openReference, requireSameSize, type OpenedReference } from './reference.ts';
import { isJudge } from './reconstruction.ts';
import { manner, recognisedByClass, type Report } from './report.ts';
import { openNamedNetwork } from './named-network.ts';
import { openNetwork, openSession } from './session.ts';
import type { Named } from './subject.ts';

type Subject = Exclude<Named, { kind: 'recipe' | 'model' }>;

interface FileEvaluation {
  readonly subject: Subject;
  readonly against: string;
  readonly network: string | undefined;
  /** Pixels a side to which pictures of folders are scaled. */
  readonly size: number | undefined;
  readonly engine: EngineOptions;
}

/** Measures images that exist already: a folder of pictures, or an npz file. */
export async function evaluateFiles(request: FileEvaluation, terminal: Terminal): Promise<Report> {
  const { subject, size } = request;
  const named = request.network === undefined ? null : await openNamedNetwork(request.network, terminal);
  const asked = named ? channelsOf(named) : 3;
  const opened = await openReference(request.against, { size, channels: asked });
  const channels = opened.image?.channels ?? asked;
  const images = await openSubject(subject, { size, opened, channels });
  requireSameSize(images, opened);
  const network = named ?? (await openNetwork(undefined, opened, terminal));
  const engine = createEngine(request.engine);
  try {
    const { image, count: samples } = images;
    const session = await openSession({ engine, network, opened, image, samples });
    for (const remark of session.reference.remarks) terminal.err(`Note: ${remark}`);
    const progress = terminal.progress(subject.path, samples);
    progress.begin(`${samples} images`);
    const measured = await session.measure(images, (seen) => progress.update(seen, 'images'));
    const figures = await session.figures([measured]);
    session.dispose();
    return {
      ...manner({ opened, session }, { subject: subject.path, image, samples }),
      scaled: size !== undefined && subject.kind === 'folder' ? 'scaled by Lanczos' : null,
      figures,
      recognisedByClass: recognisedByClass([measured], opened.classes ?? []),
      generation: null,
    };
  } finally {
    terminal.done();
    network.dispose();
    engine.dispose();
  }
}

/** A judge of gray images takes files of gray images, which have three equal channels for other evaluators. */
function channelsOf(network: FeatureNetwork): number {
  return isJudge(network) ? network.config.channels : 3;
}

interface SubjectOptions {
  readonly size: number | undefined;
  readonly opened: OpenedReference;
  readonly channels: number;
}

/** Labels of a folder mean the classes of the reference only if its folders have the same names. */
async function openSubject({ kind, path }: Subject, { size, opened, channels }: SubjectOptions): Promise<ImageSource> {
  if (kind === 'npz') return openNpzImages(path, channels);
  const image = opened.image ?? (size === undefined ? null : { height: size, width: size, channels });
  const images = await openFolderImages(path, { image, channels, scale: size !== undefined });
  const same =
    opened.classes?.length === images.classes.length && opened.classes.every((name, n) => name === images.classes[n]);
  return same ? images : { ...images, label_N: null };
}
