import type { Tensor, Tensor3D } from '@tensorflow/tfjs';
import type { Encoding, Kept, Tokenizer } from '@tessera/core';
import { tensorFrom, type Engine } from '@tessera/engine';

export interface KeptRequest {
  readonly tokenizer: Tokenizer;
  readonly engine: Engine;
  /** On the finest map of tokens, 1 = keep. */
  readonly mask: Uint8Array;
  /** Number of rows: an encoding of a single picture holds for all of them. */
  readonly batch: number;
}

/**
 * The tokens of encoded pictures that stay where a mask says so: the means of encodings that are distributions, so
 * nothing is random. The encoding is borrowed; the caller disposes `values_BLC`.
 */
export async function keptTokens(
  encoding: Encoding,
  { tokenizer, engine, mask, batch }: KeptRequest,
): Promise<Kept & { readonly values_BLC: Tensor3D }> {
  const program = engine.compile(
    (given: Readonly<Record<string, Tensor>>) => tokenizer.draw(given as Encoding, null).values_BlC,
    { name: 'kept-tokens' },
  );
  try {
    const values_BLC = await program({ ...encoding });
    const keep_L = tokenizer.keepMask(mask);
    return { values_BLC: values_BLC.shape[0] === batch ? values_BLC : await repeat(values_BLC, batch), keep_L };
  } finally {
    program.dispose();
  }
}

/** One row for all; disposes it. */
async function repeat(values_1LC: Tensor3D, batch: number): Promise<Tensor3D> {
  const [, length, channels] = values_1LC.shape;
  const row = await values_1LC.data<'float32'>();
  const values = new Float32Array(batch * row.length);
  for (let i = 0; i < batch; i++) values.set(row, i * row.length);
  values_1LC.dispose();
  return tensorFrom(values, [batch, length, channels]) as Tensor3D;
}
