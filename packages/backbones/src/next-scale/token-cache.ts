import type { Tensor4D } from '@tensorflow/tfjs';
import { tensorFrom } from '@tessera/engine';
import type { Past } from './programs.ts';

export interface CacheSize {
  readonly blocks: number;
  /** Tokens of the whole image. */
  readonly length: number;
  readonly rows: number;
  readonly heads: number;
  readonly headSize: number;
}

/**
 * Keys and values of all tokens so far, in buffers that are as long as the image from the start. Tokens come first in
 * memory: appending is one copy to the end, and what is filled is one unbroken stretch that programs read in place. Over
 * ten scales this adds half of what programs cost that give back grown caches, and a quarter of copying heads first.
 */
export class TokenCache {
  readonly #size: CacheSize;
  readonly #buffers: readonly { readonly k: Float32Array; readonly v: Float32Array }[];
  #filled = 0;

  constructor(size: CacheSize) {
    this.#size = size;
    const count = size.length * size.rows * size.heads * size.headSize;
    this.#buffers = Array.from({ length: size.blocks }, () => ({
      k: new Float32Array(count),
      v: new Float32Array(count),
    }));
  }

  /** Views of what is filled, [filled, R, N, H]; the caller disposes them before the next append. */
  view(): Past {
    const { rows, heads, headSize } = this.#size;
    const used = this.#filled * rows * heads * headSize;
    const shape = [this.#filled, rows, heads, headSize];
    const tensor = (buffer: Float32Array): Tensor4D => tensorFrom(buffer.subarray(0, used), shape) as Tensor4D;
    return this.#buffers.map(({ k, v }) => ({ k_PRNH: tensor(k), v_PRNH: tensor(v) }));
  }

  /** Copies new keys and values behind the others, and disposes them. */
  async append(added: Past): Promise<void> {
    const { rows, heads, headSize } = this.#size;
    const at = this.#filled * rows * heads * headSize;
    for (const [block, { k_PRNH, v_PRNH }] of added.entries()) {
      this.#buffers[block]!.k.set(await k_PRNH.data<'float32'>(), at);
      this.#buffers[block]!.v.set(await v_PRNH.data<'float32'>(), at);
    }
    this.#filled += added[0]!.k_PRNH.shape[0];
    for (const { k_PRNH, v_PRNH } of added) {
      k_PRNH.dispose();
      v_PRNH.dispose();
    }
  }
}
