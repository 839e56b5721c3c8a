import type { PartFacts } from '@tessera/core';
import type { ModelManifest } from './model.ts';

const FLOAT_BYTES = 4;
/** Of one channel in each head of attention, as nearly all transformers have it. */
const HEAD_SIZE = 64;

export interface ImageMemory {
  readonly facts: Pick<PartFacts, 'layout' | 'width' | 'space'>;
  /** Numbers in the weights of the backbone. */
  readonly parameters: number;
  readonly guidance: ModelManifest['defaults']['guidance']['kind'];
}

/**
 * About how much memory one more image in a batch takes, in bytes, rather too much than too little. A transformer's
 * weights say how deep it is: a block of width W has at least 12 W^2 of them and keeps 2 W numbers of each token (keys
 * and values), so that all blocks together keep parameters / (6 W). To that come, as if all tokens were new in one step,
 * the hidden layer of one block (4 W, before and after its activation, and the residual stream beside it), its scores of
 * attention, and logits. Guidance computes every image twice.
 */
export function imageBytes({ facts: { layout, width, space }, parameters, guidance }: ImageMemory): number {
  const kept = parameters / (6 * width);
  const hidden = 16 * width;
  const scores = layout.length * Math.ceil(width / HEAD_SIZE);
  const logits = 2 * (space.kind === 'discrete' ? space.vocabulary : space.channels);
  const rows = guidance === 'none' ? 1 : 2;
  return rows * layout.length * (kept + hidden + scores + logits) * FLOAT_BYTES;
}
