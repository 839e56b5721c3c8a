import type { Tensor2D, Tensor3D } from '@tensorflow/tfjs';
import { tensorFrom } from '@tessera/engine';
import type { Chosen, Tokens } from './tokens.ts';

/** The tokens that a plan keeps of those that were sampled, as new tensors. */
export async function pickTokens({ values_BlC, index_Bl }: Tokens, { slots_Bl }: Chosen): Promise<Tokens> {
  const [batch, , channels] = values_BlC.shape;
  const kept = slots_Bl.length / batch;
  const values = await values_BlC.data<'float32'>();
  const picked = new Float32Array(slots_Bl.length * channels);
  for (const [i, slot] of slots_Bl.entries()) {
    picked.set(values.subarray(slot * channels, (slot + 1) * channels), i * channels);
  }
  const tokens = { values_BlC: tensorFrom(picked, [batch, kept, channels]) as Tensor3D };
  if (!index_Bl) return tokens;
  const index = await index_Bl.data<'int32'>();
  const pickedIndex = slots_Bl.map((slot) => index[slot]!);
  return { ...tokens, index_Bl: tensorFrom(pickedIndex, [batch, kept], 'int32') as Tensor2D };
}
