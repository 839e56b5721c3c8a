import * as tf from '@tensorflow/tfjs';
import type { Tensor, Tensor2D, Tensor3D } from '@tensorflow/tfjs';
import type { BoundBatch } from '@tessera/core';
import { plainRng, take } from '../bench.ts';
import { apart } from '../compare.ts';
import { batchTensors, KNOWN, orderOf, trainBatchFrom, type Images, type OpenedBackbone } from './opened-backbone.ts';

/*
 * Batches as training makes them, besides those of the other checks: one program serves all cuts between two bounds (MAR), and
 * progressive training begins with the first scales alone (VAR). Hidden states are the same as of the usual batch.
 */

/** Hidden states that such a batch changes, or null. */
export async function unlikePart(opened: OpenedBackbone, images: Images): Promise<string | null> {
  const given = batchTensors(opened, images);
  try {
    const usual = trainBatchFrom(opened.facts, given);
    if (usual.cut) return await withinBounds(opened, usual, images);
    return opened.facts.reads === 'estimate' ? await firstScales(opened, usual) : null;
  } finally {
    tf.dispose(given);
  }
}

/** Of an image, all positions that `teach` gives, [l D]. */
async function taught(
  { backbone, trial, layout }: OpenedBackbone,
  batch: BoundBatch,
  kept: (image: number) => { readonly from: number; readonly count: number },
): Promise<number[]> {
  const [values_BlD] = tf.tidy((): Tensor[] => [
    tf.clone(backbone.teach(batch, { rng: plainRng(trial.seed), train: false }).values_BlD),
  ]);
  const [B, l, D] = values_BlD!.shape as [number, number, number];
  const states = await take(values_BlD!);
  if (l > layout.length) throw new Error(`hidden states of ${l} positions of teach() for ${layout.length}`);
  return Array.from({ length: B }, (_, image) => {
    const { from, count } = kept(image);
    return [...states.subarray((image * l + from) * D, (image * l + from + count) * D)];
  }).flat();
}

/** A cut that lies between its bounds: what is known and what is asked for from there on are the same. */
async function withinBounds(opened: OpenedBackbone, usual: BoundBatch, images: Images): Promise<string | null> {
  const count = orderOf(opened, images.seeds[0]!, images).length - KNOWN;
  if (count < 2) return null;
  const cut = { ...usual.cut!, least: KNOWN - 1, most: KNOWN + 1 };
  const far = apart(
    'hidden states of a batch whose cut lies within its bounds and of one at them',
    await taught(opened, usual, () => ({ from: 0, count })),
    await taught(opened, { ...usual, cut }, () => ({ from: 1, count })),
  );
  return far && `${far}: what comes at or after cut.known is not known, and teach() gives what comes from cut.least on`;
}

/** The first scales: nothing of what they see is missing. */
async function firstScales(opened: OpenedBackbone, usual: BoundBatch): Promise<string | null> {
  const { scales } = opened.layout;
  const first = scales[0]!.height * scales[0]!.width;
  for (const { start: count } of scales.slice(1)) {
    const short = tf.tidy(() => ({
      values_BLC: tf.slice(usual.values_BLC, [0, 0, 0], [-1, count, -1]) as Tensor3D,
      estimates_BLC: tf.slice(usual.estimates_BLC!, [0, 0, 0], [-1, count - first, -1]) as Tensor3D,
      order_BL: tf.slice(usual.order_BL, [0, 0], [-1, count]) as Tensor2D,
      rank_BL: tf.slice(usual.rank_BL, [0, 0], [-1, count]) as Tensor2D,
    }));
    try {
      const far = apart(
        `hidden states of a batch of the first ${count} positions and of all`,
        await taught(opened, usual, () => ({ from: 0, count })),
        await taught(opened, { ...usual, ...short }, () => ({ from: 0, count })),
      );
      if (far !== null) return far;
    } finally {
      tf.dispose(short);
    }
  }
  return null;
}
