import { tensorFrom } from '@tessera/engine';
import { createEngine } from '@tessera/targets';
import type { Tensor4D } from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { TokenCache } from './cache.ts';

const { growing } = createEngine({ target: 'onnx' });

const added = (values: readonly number[]) => {
  const tensor = (sign: number) =>
    tensorFrom(
      values.map((value) => sign * value),
      [values.length / 2, 1, 1, 2],
    ) as Tensor4D;
  return [{ k_PRNH: tensor(1), v_PRNH: tensor(-1) }];
};

function seen(cache: TokenCache) {
  const [{ k_PRNH, v_PRNH }] = cache.view() as [ReturnType<TokenCache['view']>[number]];
  const numbers = { shape: k_PRNH.shape, k: [...k_PRNH.dataSync()], v: [...v_PRNH.dataSync()] };
  k_PRNH.dispose();
  v_PRNH.dispose();
  return numbers;
}

describe('TokenCache', () => {
  const size = { blocks: 1, length: 6, rows: 1, heads: 1, headSize: 2 };

  it('shows what was appended, in order', async () => {
    const cache = new TokenCache(size, growing);
    expect(seen(cache)).toEqual({ shape: [0, 1, 1, 2], k: [], v: [] });
    await cache.append(added([1, 2]));
    await cache.append(added([3, 4, 5, 6]));
    expect(seen(cache)).toEqual({ shape: [3, 1, 1, 2], k: [1, 2, 3, 4, 5, 6], v: [-1, -2, -3, -4, -5, -6] });
  });

  it('holds memory for what is filled alone, and none for a whole image', async () => {
    const held = () => process.memoryUsage().arrayBuffers;
    const large = { ...size, length: 2 ** 20 };
    const before = held();
    const cache = new TokenCache(large, growing);
    await cache.append(added([1, 2]));
    expect(held() - before).toBeLessThan(2 ** 20);
    await cache.append(added(Array.from({ length: 2 * (2 ** 20 - 1) }, () => 1)));
    expect(() => cache.view()).toThrow(/released/);
  });
});
