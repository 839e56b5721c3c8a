import { keyedRng } from '@tessera/engine';

/** A uniform permutation of 0..count-1 that depends on `seed` and `epoch` alone (Fisher-Yates). */
export function permutation(count: number, { seed, epoch }: { seed: number; epoch: number }): Int32Array {
  const order = Int32Array.from({ length: count }, (_, index) => index);
  const draw = keyedRng([seed]).uniform({ row: 0, stream: 'shuffle', step: epoch, position: 0 }, count);
  for (let last = count - 1; last > 0; last--) {
    const other = Math.min(last, Math.floor(draw[last]! * (last + 1)));
    const held = order[last]!;
    order[last] = order[other]!;
    order[other] = held;
  }
  return order;
}
