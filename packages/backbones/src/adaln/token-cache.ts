/// <reference lib="es2024.arraybuffer" />
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
 * Keys and values of all tokens so far. Tokens come first in memory: appending is one copy to the end, and what is filled
 * is one unbroken stretch that programs read in place. Over ten scales this adds half of what programs cost that give
 * back grown caches, and a quarter of copying heads first. The buffers grow where they are, up to a whole image; their
 * memory goes back to the system when they are released, not when a garbage collection comes.
 */
export class TokenCache {
  readonly #size: CacheSize;
  readonly #buffers: readonly { readonly k: ArrayBuffer; readonly v: ArrayBuffer }[];
  #filled = 0;

  constructor(size: CacheSize) {
    this.#size = size;
    const maxByteLength = size.length * this.#tokenSize * Float32Array.BYTES_PER_ELEMENT;
    this.#buffers = Array.from({ length: size.blocks }, () => ({
      k: new ArrayBuffer(0, { maxByteLength }),
      v: new ArrayBuffer(0, { maxByteLength }),
    }));
  }

  /** Numbers per token: of all rows. */
  get #tokenSize(): number {
    const { rows, heads, headSize } = this.#size;
    return rows * heads * headSize;
  }

  /** Views of what is filled, [filled, R, N, H]; the caller disposes them before the next append. */
  view(): Past {
    const { rows, heads, headSize } = this.#size;
    const shape = [this.#filled, rows, heads, headSize];
    const used = this.#filled * this.#tokenSize;
    const tensor = (buffer: ArrayBuffer): Tensor4D => tensorFrom(new Float32Array(buffer, 0, used), shape) as Tensor4D;
    return this.#buffers.map(({ k, v }) => ({ k_PRNH: tensor(k), v_PRNH: tensor(v) }));
  }

  /** Takes new keys and values behind the others, and disposes them. When the image is whole nobody reads them again. */
  async append(added: Past): Promise<void> {
    const filled = this.#filled + added[0]!.k_PRNH.shape[0];
    if (filled < this.#size.length) {
      for (const [block, { k_PRNH, v_PRNH }] of added.entries()) {
        this.#extend(this.#buffers[block]!.k, await k_PRNH.data<'float32'>());
        this.#extend(this.#buffers[block]!.v, await v_PRNH.data<'float32'>());
      }
    } else {
      this.release();
    }
    this.#filled = filled;
    for (const { k_PRNH, v_PRNH } of added) {
      k_PRNH.dispose();
      v_PRNH.dispose();
    }
  }

  #extend(buffer: ArrayBuffer, values: Float32Array): void {
    const end = buffer.byteLength;
    buffer.resize(end + values.byteLength);
    new Float32Array(buffer, end).set(values);
  }

  /** Gives the memory back. No program may be reading it. */
  release(): void {
    for (const { k, v } of this.#buffers) {
      k.resize(0);
      v.resize(0);
    }
  }
}
