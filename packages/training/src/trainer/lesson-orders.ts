import type { Tensor } from '@tensorflow/tfjs';
import type { Order, Tokenizer } from '@tessera/core';
import { keyedRng, tensorFrom } from '@tessera/engine';
import type { LessonKey } from './lesson-plan.ts';

/** How the order visits each image of batch `number`, and the inverse: int32, both [B, L]. */
export function lessonOrders(
  { tokenizer, order }: { readonly tokenizer: Tokenizer; readonly order: Order },
  { images, number, seed }: Omit<LessonKey, 'step'> & { readonly seed: number },
): { order_BL: Tensor; rank_BL: Tensor } {
  const { layout } = tokenizer;
  const { length } = layout;
  const rng = keyedRng([seed]);
  const order_BL = new Int32Array(images * length);
  const rank_BL = new Int32Array(images * length);
  for (let image = 0; image < images; image++) {
    const key_L = rng.uniform({ row: 0, stream: 'lesson-order', step: number, position: image }, length);
    const visited = order.visit(layout, key_L);
    order_BL.set(visited, image * length);
    for (const [rank, position] of visited.entries()) rank_BL[image * length + position] = rank;
  }
  return {
    order_BL: tensorFrom(order_BL, [images, length], 'int32'),
    rank_BL: tensorFrom(rank_BL, [images, length], 'int32'),
  };
}
