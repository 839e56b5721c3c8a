import type { Scalar, Tensor4D } from '@tensorflow/tfjs';
import type { Engine } from '@tessera/engine';

/** Size of every image of a set, in pixels. */
export interface ImageSize {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

/**
 * A network, with its weights, that images are measured with. It brings images of any size to the form that it was trained
 * on by itself. The caller disposes it.
 */
export interface FeatureNetwork {
  readonly name: string;
  /** SHA-256 of its weights, in hexadecimal digits. Figures of different networks are never compared. */
  readonly sha256: string;
  /** Licence of the weights. */
  readonly licence: string;
  /** How it brings images to its form, in words: part of every protocol. */
  readonly input: string;
  /** Number of features. */
  readonly dims: number;
  /** Names of its classes; null if it has none, or none with names. */
  readonly classes: readonly string[] | null;
  /** Compiles it for images of one size. @throws TesseraError `features-image` for images that it cannot take */
  open(engine: Engine, image: ImageSize): FeatureProgram;
  dispose(): void;
}

/** A network, compiled for images of one size. */
export interface FeatureProgram<R extends FeatureResults = FeatureResults> {
  /** `pixels` of N images in [0, 1], `[N, height, width, channels]` row-major. */
  run(pixels: Float32Array): Promise<R>;
  dispose(): void;
}

/** What a network finds in N images. */
export interface FeatureResults {
  /** `[N, dims]` row-major. */
  readonly features_ND: Float32Array;
  readonly dims: number;
  /** `[N, K]` row-major, each row with the sum 1; null for a network without classes. */
  readonly probabilities_NK: Float32Array | null;
  /** The most likely class of each image; null for a network without classes. */
  readonly label_N: Int32Array | null;
  /** Features that keep their places (those of sFID for the Inception network), row-major; null if it has none. */
  readonly spatial_ND: Float32Array | null;
}

/** What a network with classes finds. */
export interface ClassifiedResults extends FeatureResults {
  readonly probabilities_NK: Float32Array;
  readonly label_N: Int32Array;
}

/** A network that a training step can look through: pure, traceable and differentiable. */
export interface TraceableNetwork extends FeatureNetwork {
  /** Feature maps, shallow to deep, of images in [0, 1]. */
  maps(image_BHWC: Tensor4D): readonly Tensor4D[];
  /** Its own learned perceptual distance of images in [0, 1], averaged over the batch. */
  distance?(a_BHWC: Tensor4D, b_BHWC: Tensor4D): Scalar;
}

/** A feature network that a package publishes: named by recipes and on the command line as Tessera's own are. */
export interface FeatureNetworkPlugin extends Pick<FeatureNetwork, 'name' | 'licence' | 'dims'> {
  readonly kind: 'feature-network';
  /** The version of these contracts that it was written for. */
  readonly contract: 1;
  /** The npm package to install for it, where that is not its name. */
  readonly package?: string;
  /** Number of its classes, 0 for none. */
  readonly classCount: number;
  /** Opens it; it may fetch its weights first. */
  open(context: FeatureNetworkContext): Promise<FeatureNetwork>;
}

export interface FeatureNetworkContext {
  /** A folder of its own in this user's cache, for weights that it fetches. It may not exist yet. */
  readonly cache: string;
  /** To be told while weights arrive: the share of them that is there, from 0 to 1, and its size in words. */
  readonly progress: (fraction: number, label: string) => void;
}
