import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { TesseraError } from '@tessera/errors';
import type { Engine } from '@tessera/engine';
import {
  figuresOfSets,
  figuresOf,
  measure,
  openFeatureProducts,
  type Figures,
  type FiguresWithIntervals,
  type ImageSource,
  type Measured,
} from '@tessera/evaluation';
import type { FeatureNetwork, ImageSize } from '@tessera/features';
import { readRecipe, type LoadedRecipe } from '@tessera/training';
import type { Terminal } from '../terminal.ts';
import { openNamedNetwork } from './named-network.ts';
import type { MeasuredReference, OpenedReference } from './reference.ts';

/** What images are measured with and compared to, ready for any number of sets. */
export interface Session {
  readonly engine: Engine;
  readonly network: FeatureNetwork;
  readonly reference: MeasuredReference;
  /** The figures of real images that are not in the reference; null where there are none. */
  readonly floor: Figures | null;
  measure(images: ImageSource, seen?: (images: number) => void): Promise<Measured>;
  /** Figures of some sets, with intervals. */
  figures(sets: readonly Measured[]): Promise<FiguresWithIntervals>;
  /** Figures of one set. */
  figuresOf(images: Measured): Promise<Figures>;
  dispose(): void;
}

interface SessionOptions {
  readonly engine: Engine;
  readonly network: FeatureNetwork;
  readonly opened: OpenedReference;
  /** Size of the images that are compared. */
  readonly image: ImageSize;
  readonly samples: number;
}

/** Measures the reference. The caller disposes the engine and the network. */
export async function openSession({ engine, network, opened, image, samples }: SessionOptions): Promise<Session> {
  const labelled = (images: Measured): Measured => ({
    ...images,
    expected_N: meansClasses(images, opened) ? images.expected_N : null,
  });
  const reference = await opened.measure({ engine, network, image, samples });
  const products = openFeatureProducts(engine);
  const compared = reference.reference;
  const floor =
    reference.real && (await figuresOf(products, { images: labelled(reference.real), reference: compared }));
  return {
    engine,
    network,
    reference,
    floor,
    measure: async (images, seen) => labelled(await measure({ engine, network }, images, seen)),
    figures: (sets) => figuresOfSets(products, { sets, reference: compared }),
    figuresOf: (images) => figuresOf(products, { images, reference: compared }),
    dispose: () => products.dispose(),
  };
}

/** Whether the classes that the network names are those of the labels: a network of other classes recognises nothing. */
function meansClasses({ probabilities_NK, count }: Measured, { classes }: OpenedReference): boolean {
  return classes !== null && probabilities_NK?.length === count * classes.length;
}

/** The network that was named, or else the judge of the recipe. @throws TesseraError `network-missing` */
export async function openNetwork(
  name: string | undefined,
  { recipe, name: against }: OpenedReference,
  terminal: Terminal,
): Promise<FeatureNetwork> {
  if (name !== undefined) return openNamedNetwork(name, terminal);
  const judge = recipe?.recipe.judge;
  if (judge?.kind === 'shipped') return openNamedNetwork(judge.name, terminal);
  if (judge?.kind === 'file') return openNamedNetwork(resolve(recipe!.folder, judge.path), terminal);
  throw new TesseraError({
    code: 'network-missing',
    who: 'tessera eval',
    got: `${against}, which names no judge that can be opened`,
    expected: 'a feature network that others can use too, so that figures can be compared',
    next: 'Name one with --network NAME.',
  });
}

/** The recipe beside the models folder that has the model's name. @throws TesseraError `recipe-missing` */
export async function findRecipe(modelFolder: string): Promise<LoadedRecipe> {
  return readRecipe(recipePath(modelFolder));
}

/** Its path. @throws TesseraError `recipe-missing` */
export function recipePath(modelFolder: string): string {
  const name = `${modelFolder.split(/[/\\]/).at(-1)}.json`;
  const guess = join(dirname(dirname(modelFolder)), 'recipes', name);
  if (existsSync(guess)) return guess;
  throw new TesseraError({
    code: 'recipe-missing',
    who: 'tessera eval',
    got: `no recipe at ${guess}`,
    expected: 'images to compare with',
    next: 'Name them with --against: a recipe, a folder of pictures or an npz file.',
  });
}
