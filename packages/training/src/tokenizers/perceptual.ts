import { resolve } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import type { Scalar, Tensor4D } from '@tensorflow/tfjs';
import { nn, trace } from '@tessera/engine';
import { type NetworkOptions, openTraceableNetwork, type TraceableNetwork } from '@tessera/features';
import { schema, type Field } from '@tessera/schema';
import type { ImageSize } from '../data/data-set.ts';

const { number, object, refine, string } = schema;
const weight = number({ min: 0 });
const ofNetwork = object({
  weight,
  /** A feature network by its name, `lpips-vgg16`, or the path of its file. */
  network: refine(string(), (name) => (name === '' ? 'the name of a feature network' : null)),
});

/** Field `perceptual` of `tokenizer.loss`: a weight, for the judge of the recipe; or a weight and the network that it is for. */
export type PerceptualRecipe = number | { readonly weight: number; readonly network: string };

export const perceptualField: Field<PerceptualRecipe> = schema.field<PerceptualRecipe>((value, place) =>
  typeof value === 'object' ? ofNetwork.read(value, place) : weight.read(value, place),
);

/** The weight of the perceptual term; 0 for none. */
export function perceptualWeight(recipe: PerceptualRecipe): number {
  return typeof recipe === 'number' ? recipe : recipe.weight;
}

/** What a recipe's perceptual term looks through: nothing, its judge, or a network by its name. */
export function perceptualSource(recipe: PerceptualRecipe): 'none' | 'judge' | { readonly network: string } {
  if (perceptualWeight(recipe) === 0) return 'none';
  return typeof recipe === 'number' ? 'judge' : { network: recipe.network };
}

/** What a perceptual term reads of a frozen network. */
export type PerceptualNetwork = Pick<TraceableNetwork, 'maps' | 'distance'>;

/** What a network of a perceptual term is opened with. */
export interface PerceptualOptions extends NetworkOptions {
  /** The images that it looks at. */
  readonly image: ImageSize;
  /** The folder of the recipe, where relative paths start. */
  readonly folder: string;
}

/**
 * Opens the network that a perceptual term names, and checks that it takes the data's images. The first time its weights
 * are fetched, with `progress`. The caller disposes it.
 * @throws TesseraError `features-unknown`, `features-not-traceable`, `features-image`, `download-failed`
 */
export async function openPerceptualNetwork(
  name: string,
  { image, folder, ...options }: PerceptualOptions,
): Promise<TraceableNetwork> {
  const isFile = /\.\w+$/.test(name);
  const network = await openTraceableNetwork(isFile ? resolve(folder, name) : name, options);
  const shape = [1, image.height, image.width, image.channels];
  try {
    trace((image_BHWC) => network.maps(image_BHWC as Tensor4D), { name, inputs: [{ shape, dtype: 'float32' }] });
  } catch (error) {
    network.dispose();
    throw error;
  }
  return network;
}

/**
 * Perceptual distance of two images: the network's own learned one if it has one. Otherwise the mean squared distance of its
 * feature maps, each position normalised to length 1, averaged over maps (LPIPS without its learned weights, Zhang et al.
 * 2018, equation 1).
 */
export function perceptualLoss(network: PerceptualNetwork, a_BHWC: Tensor4D, b_BHWC: Tensor4D): Scalar {
  if (network.distance) return network.distance(a_BHWC, b_BHWC);
  const [of, other] = [network.maps(a_BHWC), network.maps(b_BHWC)];
  const distances = of.map((map, index) => {
    const difference = tf.sub(nn.normalize(map, 1e-6), nn.normalize(other[index]!, 1e-6));
    return tf.mean(tf.sum(tf.square(difference), -1)) as Scalar;
  });
  return tf.div(tf.addN(distances), distances.length);
}
