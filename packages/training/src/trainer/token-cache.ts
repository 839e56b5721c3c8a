import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Tensor4D } from '@tensorflow/tfjs';
import { openCheckpoint, writeSafetensors } from '@tessera/checkpoints';
import type { Tokenizer } from '@tessera/core';
import { tensorFrom } from '@tessera/engine';
import type { Split } from '../data/data-set.ts';
import type { Progress } from '../report/progress.ts';

/** Tokens of a split, encoded once. */
export interface CachedTokens {
  readonly count: number;
  /** Tokens of one image. */
  readonly length: number;
  /** `[N, L]` row-major. */
  readonly index_NL: Int32Array;
  readonly label_N: Int32Array;
}

export interface TokenCacheOptions {
  readonly path: string;
  /** Hash of the tokenizer and the data: a cache with another one is made anew. */
  readonly fingerprint: string;
  readonly tokenizer: Tokenizer;
  readonly batch: number;
  readonly progress: (total: number) => Progress;
}

/** Encodes a split, or reads what an earlier run encoded. */
export async function cachedTokens(split: Split, options: TokenCacheOptions): Promise<CachedTokens> {
  const { length } = options.tokenizer.layout;
  const held = await readCache(options.path, options.fingerprint);
  const index_NL = held ?? (await encodeSplit(split, options));
  if (!held) await writeCache(options, { index_NL, shape: [split.count, length] });
  return { count: split.count, length, index_NL, label_N: split.label_N };
}

async function encodeSplit(split: Split, { tokenizer, batch, progress }: TokenCacheOptions): Promise<Int32Array> {
  const { image, layout } = tokenizer;
  const index_NL = new Int32Array(split.count * layout.length);
  const bar = progress(split.count);
  for (let start = 0; start < split.count; start += batch) {
    const members = Int32Array.from({ length: Math.min(batch, split.count - start) }, (_, i) => start + i);
    const shape = [members.length, image.height, image.width, image.channels] as [number, number, number, number];
    const image_BHWC = tensorFrom(await split.read(members), shape) as Tensor4D;
    const { index_BL } = await tokenizer.encode(image_BHWC);
    index_NL.set(await index_BL!.data<'int32'>(), start * layout.length);
    image_BHWC.dispose();
    index_BL!.dispose();
    bar.update(start + members.length, 'encoding');
  }
  bar.end();
  return index_NL;
}

async function readCache(path: string, fingerprint: string): Promise<Int32Array | null> {
  if (!existsSync(path)) return null;
  const file = await openCheckpoint(path);
  try {
    if (file.values.get('fingerprint') !== fingerprint) return null;
    const bytes = await file.read('index_NL');
    return new Int32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  } finally {
    await file.close();
  }
}

async function writeCache(
  { path, fingerprint }: TokenCacheOptions,
  { index_NL, shape }: { index_NL: Int32Array; shape: readonly number[] },
): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const bytes = () => new Uint8Array(index_NL.buffer, index_NL.byteOffset, index_NL.byteLength);
  await writeSafetensors(path, [{ name: 'index_NL', dtype: 'int32', shape, bytes }], { fingerprint });
}

/** How much of a codebook of `vocabulary` entries these tokens use, in percent: over all positions, and per scale. */
export function codebookUsage(
  { index_NL, length }: CachedTokens,
  { vocabulary, scales }: { vocabulary: number; scales: readonly { start: number; height: number; width: number }[] },
): { readonly union: number; readonly scales: readonly number[] } {
  const used = (from: number, to: number): number => {
    const seen = new Uint8Array(vocabulary);
    for (let start = 0; start < index_NL.length; start += length) {
      for (let i = start + from; i < start + to; i++) seen[index_NL[i]!] = 1;
    }
    return (100 * seen.reduce((sum, one) => sum + one, 0)) / vocabulary;
  };
  return {
    union: used(0, length),
    scales: scales.map(({ start, height, width }) => used(start, start + height * width)),
  };
}
