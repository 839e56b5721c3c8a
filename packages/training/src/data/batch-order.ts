import { permutation } from './permutation.ts';

/** Which images come when: every image once per epoch, in an order of its own each epoch. */
export interface BatchOrder {
  /** Indices of batch `number` (0, 1, 2 ...). The same number gives the same batch, whatever was asked before. */
  batch(number: number): Int32Array;
  readonly batchesPerEpoch: number;
}

/**
 * Shuffles `count` images anew each epoch. A batch is a function of its number alone, so that a resumed training sees
 * what an uninterrupted one would have seen. Batches run on from one epoch into the next: no image is left out.
 */
export function batchOrder(count: number, { batch, seed }: { batch: number; seed: number }): BatchOrder {
  const kept = new Map<number, Int32Array>();
  const epochOrder = (epoch: number): Int32Array => {
    let order = kept.get(epoch);
    if (!order) {
      order = permutation(count, { seed, epoch });
      kept.clear();
      kept.set(epoch, order);
    }
    return order;
  };
  return {
    batchesPerEpoch: count / batch,
    batch: (number) =>
      Int32Array.from({ length: batch }, (_, slot) => {
        const position = number * batch + slot;
        return epochOrder(Math.floor(position / count))[position % count]!;
      }),
  };
}
